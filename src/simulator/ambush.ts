/**
 * Faults that wait for their moment, since chance alone hardly ever meets it: a decider crashes right after
 * it voted while nobody else hears the proposer; the new keepers of a partition are cut off before they take
 * over, and come back when they have just been passed over. Nothing here could not happen by chance.
 */
import type { Message } from "../protocol/model/messages.ts";
import type { Configuration, MemberNo, Roster } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import type { VirtualNetwork } from "./network.ts";
import type { VirtualNode } from "./node.ts";
import type { World } from "./world.ts";

interface AmbushWorld extends World {
  readonly network: VirtualNetwork;
  readonly nodes: readonly VirtualNode[];
  readonly oracle: { readonly newestRoster: Roster | null };
}

const VOTE_CHANCE = 0.3;
const HOLD_CHANCE = 0.6;

/** Keepers that are kept from taking over. */
interface Hold {
  readonly p: number;
  readonly epoch: number;
  readonly end: () => void;
}

export class Ambush {
  readonly #world: AmbushWorld;
  readonly #rng: Rng;
  /** Deciders that crash as soon as they have accepted. */
  readonly #doomed: Set<VirtualNode> = new Set();
  #hold: Hold | null = null;
  #seenEpoch = 0;

  constructor(world: AmbushWorld) {
    this.#world = world;
    this.#rng = new Rng(world.plan.seed, 4);
  }

  begin(): void {
    const { network, nodes, plan } = this.#world;
    if (!plan.faults.ambush) return;
    network.onSend((from, messages) => this.#sent(nodes[from]!, messages));
    this.#look();
  }

  // ---- votes ---------------------------------------------------------------------------------------------

  #sent(from: VirtualNode, messages: readonly Message[]): void {
    if (this.#world.calm) return;
    for (const message of messages) {
      if (message.type === "rosterAccept" && this.#doomed.size === 0) this.#single(from);
      if (message.type !== "rosterAccepted" || message.answer !== "accepted") continue;
      if (this.#doomed.delete(from)) this.#crash(from);
    }
  }

  /** Only a bare majority hears the proposer; who answers crashes, and has what it wrote down. */
  #single(proposer: VirtualNode): void {
    const { roster, self } = proposer.engine!;
    const others = this.#nodesOf(roster!.deciders.filter((no) => no !== self));
    if (others.length < 2 || !this.#rng.chance(VOTE_CHANCE)) return;
    const hearing = this.#rng.sample(others, Math.floor(roster!.deciders.length / 2));
    for (const node of hearing) this.#doomed.add(node);
    const { nodes, plan, schedule } = this.#world;
    const forMs = this.#rng.range(0.8, 2) * plan.leaseTtlMs;
    const heard = hearing.map(({ no }) => `n${no}`).join(" ");
    this.#note(`AMBUSH n${proposer.no} is heard by ${heard} only`);
    const deaf = nodes.filter((node) => node !== proposer && !hearing.includes(node));
    this.#world.network.cut(deaf.map(({ no }) => [proposer.no, no]), forMs);
    schedule.after(20, () => {
      this.#doomed.clear();
      this.#world.network.cut(hearing.map(({ no }) => [proposer.no, no]), forMs);
    });
  }

  #crash(node: VirtualNode): void {
    const { schedule } = this.#world;
    schedule.after(0, () => {
      node.crash();
      schedule.after(this.#rng.range(1, 200), () => node.isWanted && node.start());
    });
  }

  // ---- take-overs ----------------------------------------------------------------------------------------

  #look(): void {
    if (this.#world.calm) return;
    const roster = this.#world.oracle.newestRoster;
    if (roster && roster.epoch > this.#seenEpoch) {
      this.#seenEpoch = roster.epoch;
      if (this.#hold) this.#release(roster.chains[this.#hold.p]!);
      else if (this.#rng.chance(HOLD_CHANCE)) this.#cutOff(roster.chains);
    }
    this.#world.schedule.after(this.#rng.range(1, 20), () => this.#look());
  }

  /** A majority of new keepers sees only itself; the former ones have a majority without them. */
  #cutOff(chains: readonly (readonly Configuration[])[]): void {
    const pending = chains.flatMap((chain, p) => chain.length === 2 ? [{ p, chain }] : []);
    if (pending.length === 0) return;
    const { p, chain } = this.#rng.pick(pending);
    const [before, after] = [chain[0]!, chain[1]!];
    const fresh = after.keepers.filter((no) => !before.keepers.includes(no));
    const common = after.keepers.filter((no) => before.keepers.includes(no));
    const chosen = [...this.#rng.sample(fresh, fresh.length), ...this.#rng.sample(common, common.length)];
    const group = this.#nodesOf(chosen.slice(0, Math.floor(after.keepers.length / 2) + 1));
    const rest = this.#world.nodes.filter((node) => !group.includes(node));
    const directions = group.flatMap((a) =>
      rest.flatMap((b): [number, number][] => [[a.no, b.no], [b.no, a.no]])
    );
    this.#note(`AMBUSH ${group.map(({ no }) => `n${no}`).join(" ")} cannot take p${p} over`);
    const forMs = 2 * this.#world.plan.evictAfterMs + this.#world.plan.leaseTtlMs;
    const end = this.#world.network.cut(directions, forMs);
    this.#hold = { p, epoch: after.epoch, end };
    this.#world.schedule.after(forMs, () => this.#hold = null);
  }

  /** Passed over: now they may try. */
  #release(chain: readonly Configuration[]): void {
    const { epoch, end } = this.#hold!;
    if (chain.at(-1)!.epoch <= epoch) return;
    this.#world.schedule.after(this.#rng.range(0, 600), end);
  }

  #nodesOf(numbers: readonly MemberNo[]): VirtualNode[] {
    return this.#world.nodes.filter(({ engine }) => engine !== null && numbers.includes(engine.self));
  }

  #note(what: string): void {
    const { trace, schedule } = this.#world;
    if (trace.on) trace.line(schedule.nowMs, "net", what);
  }
}
