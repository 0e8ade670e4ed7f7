/**
 * Plots of several moves, each for a mistake that no single fault brings to light: who is silent to whom, and
 * which message gets lost, depends on what has happened before. A run has one, in the profile `traps`. As in
 * ambush.ts, nothing here could not happen by chance.
 */
import type { Message } from "../protocol/model/messages.ts";
import type { Member, Roster, TaskSpec } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import type { Fate, VirtualNetwork } from "./network.ts";
import type { VirtualNode } from "./node.ts";
import type { Oracle } from "./oracle.ts";
import type { TrapName } from "./plan.ts";
import type { World } from "./world.ts";

interface TrapWorld extends World {
  readonly network: VirtualNetwork;
  readonly nodes: readonly VirtualNode[];
  readonly oracle: Pick<Oracle, "newestRoster" | "specOf" | "unfinished">;
}

const LOOK_EVERY_MS = 10;
/** Clients of the workload count their calls from 1. */
const FIRST_CID = 1_000_000;

/** One plot: looks now and then, and decides what becomes of each message. */
interface Trap {
  look(): void;
  judge(from: VirtualNode, to: VirtualNode, message: Message): Fate;
}

/** What plots look at. */
class Scene {
  readonly world: TrapWorld;
  readonly rng: Rng;

  constructor(world: TrapWorld) {
    this.world = world;
    this.rng = new Rng(world.plan.seed, 31);
  }

  get nowMs(): number {
    return this.world.schedule.nowMs;
  }

  get ttlMs(): number {
    return this.world.plan.leaseTtlMs;
  }

  get roster(): Roster | null {
    return this.world.oracle.newestRoster;
  }

  memberOf(node: VirtualNode, roster: Roster | null = this.roster): Member | undefined {
    return roster?.members.find(({ id }) => id === node.id);
  }

  /** All its members are up and know it, nothing is on its way. Else null. */
  settledRoster(): Roster | null {
    const { roster } = this;
    if (!roster || roster.chains.some((chain) => chain.length > 1)) return null;
    const isSettled = roster.members.every((member) => {
      const node = this.world.nodes.find(({ id }) => id === member.id);
      return !member.leaving && node?.engine?.roster?.epoch === roster.epoch;
    });
    return isSettled ? roster : null;
  }

  nodesOf(roster: Roster, numbers: readonly number[]): VirtualNode[] {
    return this.world.nodes.filter((node) => numbers.includes(this.memberOf(node, roster)?.no ?? -1));
  }

  note(what: string): void {
    const { trace } = this.world;
    if (trace.on) trace.line(this.nowMs, "net", `TRAP ${what}`);
  }
}

/**
 * The answer to a command gets lost until its task is forgotten and another has its id: then one more copy of
 * the command comes.
 */
class LateCopy implements Trap {
  readonly #scene: Scene;
  #asked: { client: VirtualNode; rid: number; id: string; atMs: number; isEnded: boolean } | null = null;
  #spec: TaskSpec | null = null;
  #againMs = Infinity;
  #cid = FIRST_CID;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  judge(from: VirtualNode, to: VirtualNode, message: Message): Fate {
    if (message.type === "command") {
      const { rid, id } = message;
      if (this.#asked || !this.#scene.world.oracle.specOf(id) || !this.#scene.rng.chance(0.5)) return "";
      this.#asked = { client: from, rid, id, atMs: this.#scene.nowMs, isEnded: false };
      this.#scene.note(`n${from.no} gets no answer to ${rid} for ${id}`);
    }
    if (message.type !== "commandReply" || this.#asked?.client !== to) return "";
    return message.rid === this.#asked.rid ? "lost" : "";
  }

  look(): void {
    const asked = this.#asked;
    if (!asked || this.#scene.nowMs - asked.atMs < 200) return;
    const { oracle, plan } = this.#scene.world;
    const spec = oracle.specOf(asked.id);
    const isOver = this.#scene.nowMs > this.#againMs + 3 * plan.resendMs ||
      this.#scene.nowMs > asked.atMs + 5 * this.#scene.ttlMs;
    if (isOver) {
      this.#asked = null;
      this.#againMs = Infinity;
    } else if (spec && !asked.isEnded) {
      asked.isEnded = true;
      this.#spec = spec;
      this.#node().client.command(asked.id, this.#cid++, { type: "kill" });
    } else if (!spec && this.#spec?.id === asked.id && this.#againMs === Infinity) {
      this.#againMs = this.#scene.nowMs;
      this.#scene.note(`${asked.id} once more`);
      this.#node().client.submit({ ...this.#spec, runAtMs: 0, delayMs: 0, cid: this.#cid++ }, false);
    }
  }

  #node(): VirtualNode {
    return this.#scene.rng.pick(this.#scene.world.nodes.filter((node) => node.up));
  }
}

/**
 * A holder reports the end of a task, and the answer gets lost. It is evicted, let in again, and hears
 * nothing of it until it is answered under its next number.
 */
class NewNumber implements Trap {
  readonly #scene: Scene;
  #holder: { node: VirtualNode; no: number; atMs: number; againMs: number } | null = null;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  look(): void {
    const holder = this.#holder;
    if (!holder) return;
    const member = this.#scene.memberOf(holder.node);
    if (member && member.no !== holder.no && holder.againMs === Infinity) {
      holder.againMs = this.#scene.nowMs;
      this.#scene.note(`n${holder.node.no} is member ${member.no}, not ${holder.no}`);
    }
    const isOver = this.#scene.nowMs > holder.againMs + 3 * this.#scene.world.plan.resendMs;
    if (isOver || this.#scene.nowMs > holder.atMs + 6 * this.#scene.ttlMs) this.#holder = null;
  }

  judge(from: VirtualNode, to: VirtualNode, message: Message): Fate {
    this.#choose(from, to, message);
    const holder = this.#holder;
    if (!holder || (from !== holder.node && to !== holder.node)) return "";
    const member = this.#scene.memberOf(holder.node);
    const isAsBefore = member?.no === holder.no;
    if (isAsBefore && !member.leaving) return this.#scene.nowMs > holder.atMs ? "lost" : "";
    switch (message.type) {
      case "settleReply":
        return isAsBefore || !member ? "lost" : "";
      case "roster":
        return this.#scene.memberOf(holder.node, message.roster)?.no === holder.no ? "" : "lost";
      case "join":
        return member ? "lost" : "";
      default:
        return "";
    }
  }

  #choose(from: VirtualNode, to: VirtualNode, message: Message): void {
    if (this.#holder || message.type !== "settle" || !this.#scene.rng.chance(0.5)) return;
    if (!message.items.some(({ settlement }) => settlement.type === "complete")) return;
    const roster = this.#scene.settledRoster();
    const no = roster && this.#scene.memberOf(from, roster)?.no;
    if (!no || roster.members.length < 4) return;
    this.#holder = { node: from, no, atMs: this.#scene.nowMs, againMs: Infinity };
    this.#scene.note(`n${from.no} hears no answer of n${to.no}, and nothing else`);
  }
}

/**
 * A keeper that is put out, right after it has sealed, is in touch with one only that knows nothing of it:
 * the two have a majority of what is sealed.
 */
class OlderRoster implements Trap {
  readonly #scene: Scene;
  #out: VirtualNode | null = null;
  #behind: VirtualNode | null = null;
  #step: "silent" | "leaving" | "alone" = "silent";
  #atMs = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  look(): void {
    const out = this.#out;
    if (!out) return this.#choose();
    if (this.#step === "leaving" && out.up && out.engine!.roster === null) {
      this.#step = "alone";
      this.#atMs = this.#scene.nowMs;
      this.#scene.note(`n${out.no} is out, and sees n${this.#behind!.no} only`);
    }
    const isLate = this.#scene.nowMs > this.#atMs + (this.#step === "alone" ? 2 : 6) * this.#scene.ttlMs;
    if (!out.up || !this.#behind!.up || isLate) this.#out = null;
  }

  #choose(): void {
    const roster = this.#scene.rng.chance(0.02) ? this.#scene.settledRoster() : null;
    if (!roster || roster.members.length < 4) return;
    const keepers = this.#scene.nodesOf(roster, this.#scene.rng.pick(roster.chains)[0]!.keepers);
    if (keepers.length < 3) return;
    const [out, behind] = this.#scene.rng.sample(keepers, 2) as [VirtualNode, VirtualNode];
    this.#out = out;
    this.#behind = behind;
    this.#step = "silent";
    this.#atMs = this.#scene.nowMs;
    this.#scene.note(`n${out.no} is silent, n${behind.no} will not hear that it is evicted`);
  }

  judge(from: VirtualNode, to: VirtualNode, message: Message): Fate {
    const [out, behind] = [this.#out, this.#behind];
    if (!out || !behind) return "";
    if (this.#step === "silent") {
      if (message.type !== "roster" || to !== behind || !this.#scene.memberOf(out, message.roster)?.leaving) {
        return from === out || to === out ? "lost" : "";
      }
      this.#step = "leaving";
    }
    const isOut = from === out || to === out;
    const isBehind = from === behind || to === behind;
    if (this.#step === "leaving" && from === out && message.type === "join") return "lost";
    if (isOut && isBehind) return "";
    return isBehind || (isOut && this.#step === "alone") ? "lost" : "";
  }
}

/**
 * All others join a founder of one at the same time. It leaves when they are about to keep everything without
 * it: it still decides alone.
 */
class SoleDecider implements Trap {
  readonly #scene: Scene;
  #hasWave = false;
  #leavesAtMs = Infinity;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  look(): void {
    const [founder, ...others] = this.#scene.world.nodes;
    if (!this.#hasWave && this.#scene.nowMs > this.#scene.ttlMs) {
      this.#hasWave = true;
      for (const node of others) node.join();
    }
    const { roster } = this.#scene;
    const no = this.#scene.memberOf(founder!)?.no;
    const isSole = roster?.deciders.length === 1 && roster.deciders[0] === no;
    if (!isSole || founder!.isLeaving) return;
    if (roster.chains.some((chain) => chain.at(-1)!.keepers.includes(no!))) return;
    if (this.#leavesAtMs === Infinity) this.#leavesAtMs = this.#scene.nowMs + this.#scene.rng.range(600, 990);
    if (this.#scene.nowMs < this.#leavesAtMs) return;
    this.#scene.note("n0 leaves");
    founder!.leave(false);
  }

  judge(): Fate {
    return "";
  }
}

/**
 * Who was called to a partition in a large cluster, and wants it no more since the next roster, loses its
 * lease: it hears nobody, and everybody hears it.
 */
class Unwanted implements Trap {
  readonly #scene: Scene;
  #deaf: VirtualNode | null = null;
  #untilMs = 0;
  readonly #fences: Set<number> = new Set();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  look(): void {
    if (this.#deaf && this.#scene.nowMs > this.#untilMs) this.#deaf = null;
    if (this.#deaf || !this.#scene.rng.chance(0.1)) return;
    // a steward of tasks that wait asks it again, and hears what it holds
    const waiting = [...this.#scene.world.oracle.unfinished()].filter(({ state }) => state === "pending");
    if (waiting.length > 0) return;
    for (const node of this.#scene.world.nodes) {
      const held = [...node.engine?.holder.running() ?? []];
      const unwanted = held.find(({ p, fence }) => !node.engine!.wants(p) && !this.#fences.has(fence));
      if (!unwanted) continue;
      this.#fences.add(unwanted.fence);
      this.#deaf = node;
      this.#untilMs = this.#scene.nowMs + this.#scene.ttlMs * this.#scene.rng.range(1.15, 1.6);
      return this.#scene.note(`n${node.no} hears nobody, with fence ${unwanted.fence} in p${unwanted.p}`);
    }
  }

  judge(_from: VirtualNode, to: VirtualNode): Fate {
    return to === this.#deaf ? "lost" : "";
  }
}

/** Commands shortly before the end of the faults, to tasks that run on: each is delivered the second time. */
class LostDelivery implements Trap {
  readonly #scene: Scene;
  readonly #sent: Set<number> = new Set();
  #cid = FIRST_CID;
  #atMs = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  get #isDue(): boolean {
    return this.#scene.nowMs > this.#scene.world.plan.faultsMs - this.#scene.ttlMs / 2;
  }

  look(): void {
    if (!this.#isDue || this.#scene.nowMs < this.#atMs + 200) return;
    this.#atMs = this.#scene.nowMs;
    const asked = this.#scene.rng.pick(this.#scene.world.nodes);
    for (const node of this.#scene.world.nodes) {
      for (const { id } of node.engine?.holder.running() ?? []) {
        asked.client.command(id, this.#cid++, { type: "checkpoint" });
      }
    }
  }

  judge(_from: VirtualNode, _to: VirtualNode, message: Message): Fate {
    if (message.type !== "deliver" || !this.#isDue) return "";
    const numbers = message.items.flatMap(({ commands }) => commands.map(({ no }) => no));
    const isNews = numbers.some((no) => !this.#sent.has(no));
    for (const no of numbers) this.#sent.add(no);
    return isNews ? "lost" : "";
  }
}

/**
 * A keeper's acks come late, so its steward believes it behind and sends a snapshot of what another one has
 * acked. Of what comes after that, and the keeper has acked, the other one got nothing.
 */
class LateAcks implements Trap {
  readonly #scene: Scene;
  #late: { steward: VirtualNode; keeper: VirtualNode; p: number; upTo: number; atMs: number } | null = null;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  look(): void {
    if (this.#late && this.#scene.nowMs > this.#late.atMs + this.#scene.ttlMs) this.#late = null;
  }

  judge(from: VirtualNode, to: VirtualNode, message: Message): Fate {
    const late = this.#late;
    if (!late) {
      this.#choose(from, to, message);
      return "";
    }
    const { resendMs } = this.#scene.world.plan;
    if (to === late.steward && message.type === "appendReply" && message.p === late.p) {
      return (from === late.keeper ? 3 : 0.5) * resendMs;
    }
    if (from !== late.steward) return "";
    // it would tell the keeper what is chosen
    if (to === late.keeper) return message.type === "heartbeat" ? "lost" : "";
    if (message.type !== "append" || message.p !== late.p) return "";
    return message.prevIndex + message.entries.length > late.upTo ? "lost" : "";
  }

  #choose(from: VirtualNode, to: VirtualNode, message: Message): void {
    if (message.type !== "append" || message.entries.length === 0 || !this.#scene.rng.chance(0.1)) return;
    const { p, prevIndex, entries } = message;
    this.#late = { steward: from, keeper: to, p, upTo: prevIndex + entries.length, atMs: this.#scene.nowMs };
    this.#scene.note(`acks of n${to.no} for p${p} come late to n${from.no}`);
  }
}

/**
 * A steward is cut off from the other keepers, and they notice at once: for a while it takes itself for one
 * still. Who is granted a task by the next one is cut off from that one in turn, and reports to any keeper.
 */
class AskedWhenDeposed implements Trap {
  readonly #scene: Scene;
  #deposed: { node: VirtualNode; p: number; keepers: readonly VirtualNode[]; atMs: number } | null = null;
  readonly #cutOff: Set<VirtualNode> = new Set();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  look(): void {
    const { nowMs, ttlMs, rng } = this.#scene;
    if (this.#deposed) {
      if (nowMs > this.#deposed.atMs + 2 * ttlMs) this.#deposed = null;
      return;
    }
    const roster = rng.chance(0.05) ? this.#scene.settledRoster() : null;
    if (!roster) return;
    const p = rng.int(roster.chains.length);
    const keepers = this.#scene.nodesOf(roster, roster.chains[p]![0]!.keepers);
    const no = keepers[0]?.engine?.holder.termOf(p)?.node;
    const node = keepers.find((each) => this.#scene.memberOf(each, roster)?.no === no);
    if (!node) return;
    this.#deposed = { node, p, keepers, atMs: nowMs };
    this.#cutOff.clear();
    this.#scene.note(`n${node.no} is cut off from the other keepers of p${p}`);
    for (const other of keepers) if (other !== node) this.#cut(node, other);
  }

  #cut(a: VirtualNode, b: VirtualNode): void {
    this.#scene.world.network.cut([[a.no, b.no], [b.no, a.no]], this.#scene.ttlMs);
  }

  judge(from: VirtualNode, to: VirtualNode, message: Message): Fate {
    const deposed = this.#deposed;
    if (message.type !== "grant" || message.p !== deposed?.p || from === deposed.node) return "";
    if (deposed.keepers.includes(to) || this.#cutOff.has(to) || !deposed.keepers.includes(from)) return "";
    this.#cutOff.add(to);
    this.#scene.note(`n${to.no} has a grant of n${from.no} in p${message.p}, and is cut off from it`);
    this.#scene.world.schedule.after(this.#scene.rng.range(0, 50), () => this.#cut(from, to));
    return "";
  }
}

/**
 * All stop. Two start again after a while, one of which has a clock that is behind, so the log goes on where
 * it had stopped. The time catches up when the third one starts.
 */
class HeldBackTime implements Trap {
  readonly #scene: Scene;
  #step = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  look(): void {
    const { nowMs, ttlMs, world: { nodes } } = this.#scene;
    const [behind, other, silent] = nodes as [VirtualNode, VirtualNode, VirtualNode];
    const dueMs = [0, 0.5 * ttlMs, 2.5 * ttlMs, 5.5 * ttlMs][this.#step];
    if (dueMs === undefined || nowMs < dueMs) return;
    const step = this.#step++;
    if (step === 0) behind.clock.setWallError(-3_600_000);
    if (step === 1) { for (const node of nodes) node.crash(); }
    if (step === 2) { for (const node of [behind, other]) node.start(); }
    if (step === 3) silent.start();
    this.#scene.note(["one is behind", "all stop", "two start", "the third starts"][step]!);
  }

  judge(): Fate {
    return "";
  }
}

const TRAP_BY_NAME: Readonly<Record<TrapName, new (scene: Scene) => Trap>> = {
  copy: LateCopy,
  number: NewNumber,
  older: OlderRoster,
  decider: SoleDecider,
  unwanted: Unwanted,
  delivery: LostDelivery,
  acks: LateAcks,
  deposed: AskedWhenDeposed,
  held: HeldBackTime,
};

/** Lays the trap of the run, if it has one. */
export function layTrap(world: TrapWorld): void {
  const { trap: name } = world.plan.faults;
  if (name === "") return;
  const trap = new TRAP_BY_NAME[name](new Scene(world));
  const { network, nodes, schedule } = world;
  network.judgeBy((from, to, message) => world.calm ? "" : trap.judge(nodes[from]!, nodes[to]!, message));
  const look = (): void => {
    if (world.calm) return;
    trap.look();
    schedule.after(LOOK_EVERY_MS, look);
  };
  look();
}
