/**
 * What must come after the faults. L1: everything comes to its end; says what is still missing, and the run
 * fails when that is not "" in time. L5: commands reach who runs the task. L6: a cut pair keeps no client
 * waiting. When all is done, every keeper's copy of every task must be the chosen one.
 */
import { isSameBallot } from "../protocol/model/ballot.ts";
import type { VirtualNode } from "./node.ts";
import type { Oracle } from "./oracle.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** What is looked at. */
export interface LivenessWorld extends World {
  readonly nodes: readonly VirtualNode[];
  readonly oracle: Oracle;
}

/** The last members have left for good, perhaps while others were out of touch and evicted. */
export function isDissolved({ nodes, oracle }: LivenessWorld): boolean {
  const staying = oracle.newestRoster?.members.filter((member) => !member.leaving) ?? [];
  return staying.length > 0 && !nodes.some((node) => staying.some((member) => member.id === node.id));
}

/** In words what has not happened yet; "" when all is well. */
export function whatIsMissing(world: LivenessWorld): string {
  const { nodes, oracle } = world;
  const members = membersMissing(world);
  if (members !== "") return members;
  for (const { p, id, state } of oracle.unfinished()) return `p${p} ${id} is still ${state}`;
  for (const node of nodes) {
    if (!node.isWanted) continue;
    const { waitsFor } = node.client;
    if (waitsFor !== "") return `a client at n${node.no} still waits for ${waitsFor}`;
    if (node.handlers.runningCount > 0) {
      return `n${node.no} still runs ${node.handlers.runningCount} handlers`;
    }
    for (const { p, id } of node.engine!.holder.running()) return `n${node.no} still holds p${p} ${id}`;
  }
  return keepersBehind(world);
}

/** Everybody has the same roster, with those who shall be in it, and nothing is on its way. */
function membersMissing({ nodes }: LivenessWorld): string {
  let epoch = -1;
  for (const node of nodes) {
    if (!node.isWanted) continue;
    if (node.isLeaving) return `n${node.no} has not left`;
    const roster = node.engine?.roster;
    if (!node.engine) return `n${node.no} is down`;
    if (!roster) return `n${node.no} is in no cluster`;
    if (epoch >= 0 && roster.epoch !== epoch) return `n${node.no} is at epoch ${roster.epoch}, not ${epoch}`;
    epoch = roster.epoch;
    for (const member of roster.members) {
      if (member.leaving) return `${member.id} is still listed, leaving`;
      if (!nodes.some((other) => other.isWanted && other.id === member.id)) {
        return `${member.id} is still a member at n${node.no}`;
      }
    }
    for (const [p, chain] of roster.chains.entries()) {
      if (chain.length > 1) return `p${p} has ${chain.length} configurations at n${node.no}`;
      const wanted = Math.min(roster.replication, roster.members.length);
      if (chain[0]!.keepers.length !== wanted) return `p${p} has ${chain[0]!.keepers.length} keepers`;
    }
  }
  return "";
}

/** No state may be lost now that was not lost before: every copy is whole, up, and up to date. */
export function isWell(world: LivenessWorld): boolean {
  if (membersMissing(world) !== "" || keepersBehind(world) !== "") return false;
  const roster = world.nodes.find((node) => node.isWanted)?.engine?.roster;
  if (world.nodes.some((node) => node.engine?.isDeciding)) return false;
  return roster !== undefined && roster !== null && roster.deciders.length >= 3 && roster.replication >= 3;
}

function keepersBehind({ nodes, oracle, plan }: LivenessWorld): string {
  for (let p = 0; p < plan.partitionCount; p++) {
    const chosen = oracle.chosenEnd(p);
    for (const node of keepersOf(nodes, p)) {
      if (!node.engine!.isServing(p)) return `n${node.no} does not serve p${p}`;
      const { index, ballot } = node.engine!.logEnd(p);
      if (index !== chosen.index) {
        return `n${node.no} has ${index} entries of p${p}, ${chosen.index} are chosen`;
      }
      if (!isSameBallot(ballot, chosen.ballot)) {
        return `n${node.no} ends p${p} with an entry that is not the chosen one`;
      }
    }
  }
  return "";
}

/** @throws Violation when a keeper's copy differs from what was chosen. */
export function compareKeepers({ nodes, oracle }: LivenessWorld): void {
  for (const [id, p] of oracle.knownIds()) {
    for (const node of keepersOf(nodes, p)) oracle.compareTask(node, p, id);
  }
}

function keepersOf(nodes: readonly VirtualNode[], p: number): readonly VirtualNode[] {
  const wanted = nodes.filter((node) => node.isWanted);
  const keepers = wanted[0]!.engine!.roster!.chains[p]!.at(-1)!.keepers;
  return wanted.filter((node) => keepers.includes(node.engine!.self));
}

/** L6: while one pair is cut and nothing else is wrong, all clients are answered. @throws Violation */
export function checkAnswers({ nodes, plan, schedule }: LivenessWorld): void {
  // a steward may be elected meanwhile, and the way through a third member is found
  const patienceMs = 2 * plan.electionMs + plan.heartbeatMs + 4 * plan.resendMs;
  for (const { no, client } of nodes) {
    const waitMs = schedule.nowMs - client.waitsSinceMs;
    if (waitMs <= patienceMs) continue;
    const what = client.waitsFor;
    throw new Violation("L6", `a client at n${no} has had no answer for ${Math.round(waitMs)} ms: ${what}`);
  }
}

interface Wait {
  readonly sinceMs: number;
  /** Since when holder and steward have known each other without a break. */
  readonly talkingSinceMs: number;
}

/** L5: after the faults, whoever runs a task soon gets every command that waits for it. */
export class DeliveryWatch {
  readonly #world: LivenessWorld;
  /** Commands that wait although their tasks run on. */
  #waits: ReadonlyMap<string, Wait> = new Map();

  constructor(world: LivenessWorld) {
    this.#world = world;
  }

  /** To be called now and then once the faults are over. @throws Violation */
  check(): void {
    const { oracle, plan, schedule: { nowMs } } = this.#world;
    const waits: Map<string, Wait> = new Map();
    for (const { p, id, state } of oracle.unfinished()) {
      if (state !== "leased") continue;
      const { line, fence } = oracle.stateOf(p).tasks.get(id)!;
      const no = line.at(-1)?.no ?? 0;
      const holder = this.#holderWithout(no, { p, id, fence });
      if (!holder) continue;
      const key = `${p}/${id}/${no}`;
      const known = this.#waits.get(key);
      const sinceMs = known?.sinceMs ?? nowMs;
      const talkedMs = Math.min(known?.talkingSinceMs ?? nowMs, nowMs);
      const talkingSinceMs = this.#areTalking(p, holder) ? talkedMs : Infinity;
      waits.set(key, { sinceMs, talkingSinceMs });
      // a steward is elected anew, and everybody attaches to it; one that is there sends it again
      const isLate = nowMs - sinceMs > plan.leaseTtlMs + 4 * plan.electionMs ||
        nowMs - talkingSinceMs > 3 * plan.resendMs + 2 * plan.calmTickMs;
      if (!isLate) continue;
      const waitMs = Math.round(nowMs - sinceMs);
      throw new Violation("L5", `p${p} ${id} runs on and did not get command ${no} in ${waitMs} ms`);
    }
    this.#waits = waits;
  }

  /** Who runs the attempt and has not got the command of that number. */
  #holderWithout(
    no: number,
    { p, id, fence }: { readonly p: number; readonly id: string; readonly fence: number },
  ): VirtualNode | undefined {
    return this.#world.nodes.find((node) => (node.handlers.deliveredNo(p, id, fence) ?? Infinity) < no);
  }

  /** Holder and steward know each other as that, and neither stands still. */
  #areTalking(p: number, holder: VirtualNode): boolean {
    const term = holder.engine!.holder.termOf(p);
    return !holder.isPaused && this.#world.nodes.some((node) => {
      const isSteward = !node.isPaused && node.engine?.self === term?.node && node.up;
      return isSteward && isSameBallot(node.engine!.holder.termOf(p), term);
    });
  }
}
