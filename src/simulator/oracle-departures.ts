/**
 * I18: who leaves, leaves for good. Whoever keeps or decides is listed; nothing new is given to who is
 * leaving; once a node has left no later roster lists it, and it asks nobody to be let in. A copy of an
 * earlier join may come late, and list it once more. That it keeps nothing which others need is seen
 * elsewhere, since its disk is thrown away: I5, I6, L1.
 */
import type { Message } from "../protocol/model/messages.ts";
import type { NodeId, Roster } from "../protocol/model/types.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A copy of a join comes no later: it is slow, a duplicate, and passed on by who stood still. */
const LATE_LEASES = 8;

export class DepartureOracle {
  readonly #world: World;
  /** By epoch: who is listed. */
  readonly #listed: Map<number, ReadonlySet<NodeId>> = new Map();
  /** The last epoch that a node knew as a member. */
  readonly #epochById: Map<NodeId, number> = new Map();
  readonly #left: Set<NodeId> = new Set();
  readonly #askedMs: Map<NodeId, number> = new Map();
  /** Listed once more by a late copy: until it is evicted, for good. */
  readonly #relisted: Set<NodeId> = new Set();

  constructor(world: World) {
    this.#world = world;
  }

  /** A node has it. */
  roster(at: NodeId, roster: Roster): void {
    this.#epochById.set(at, Math.max(roster.epoch, this.#epochById.get(at) ?? 0));
    if (this.#listed.has(roster.epoch)) return;
    checkNamed(roster);
    this.#listed.set(roster.epoch, new Set(roster.members.map(({ id }) => id)));
    for (const id of this.#left) this.#checkGone(id);
  }

  left(id: NodeId): void {
    this.#left.add(id);
    this.#checkGone(id);
  }

  /** It is in the rosters that it knew, perhaps in some after that, and in none from then on. */
  #checkGone(id: NodeId): void {
    let outEpoch = Infinity;
    let inEpoch = 0;
    for (const [epoch, ids] of this.#listed) {
      if (epoch <= (this.#epochById.get(id) ?? 0)) continue;
      if (ids.has(id)) inEpoch = Math.max(inEpoch, epoch);
      else outEpoch = Math.min(outEpoch, epoch);
    }
    const { schedule, plan } = this.#world;
    const sinceMs = schedule.nowMs - (this.#askedMs.get(id) ?? -Infinity);
    if (inEpoch <= outEpoch || this.#relisted.has(id)) return;
    if (sinceMs < LATE_LEASES * plan.leaseTtlMs) {
      this.#relisted.add(id);
      return;
    }
    throw new Violation("I18", `${id} has left by epoch ${outEpoch}, and is a member in epoch ${inEpoch}`);
  }

  sent(from: NodeId, messages: readonly Message[]): void {
    const isAsking = messages.some((message) => message.type === "join" && message.candidate.id === from);
    if (!isAsking) return;
    this.#askedMs.set(from, this.#world.schedule.nowMs);
    if (!this.#left.has(from)) return;
    throw new Violation("I18", `${from} has left, and asks to be let in`);
  }
}

function checkNamed({ epoch, members, deciders, chains }: Roster): void {
  const byNo = new Map(members.map((member) => [member.no, member]));
  const configurations = chains.flat();
  for (const no of [...deciders, ...configurations.flatMap(({ keepers }) => keepers)]) {
    if (!byNo.has(no)) throw new Violation("I18", `epoch ${epoch}: member ${no} is not listed, and is named`);
  }
  for (const { epoch: of, keepers } of configurations) {
    const leaving = of === epoch ? keepers.find((no) => byNo.get(no)!.leaving) : undefined;
    if (leaving === undefined) continue;
    throw new Violation("I18", `epoch ${epoch}: member ${leaving} is leaving, and is to keep more`);
  }
}
