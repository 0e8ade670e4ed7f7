/**
 * Watches where tasks run: I9 a node runs only what it has the labels, or the name, for; never two live tasks
 * of one apart key; no more of one handler than it offered. And L3: who declined a task until a time is not
 * asked again and again before.
 */
import type { CandidateInfo } from "../protocol/model/contract.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import type { TaskSpec } from "../protocol/model/types.ts";
import { isPlaceFor } from "./placement.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** Offers after a decline that nothing explains. */
const EARLY_OFFERS_MAX = 8;
/** Clocks and messages take their time. */
const SHARE_KEPT = 0.7;

/** A node that is given tasks. */
export interface PlacedNode {
  readonly no: number;
  readonly id: string;
  readonly life: number;
  readonly candidate: CandidateInfo;
  readonly handlers: { limitOf(name: string): number };
}

/** What was submitted. */
interface SubmittedTasks {
  specOf(id: string): TaskSpec | undefined;
}

interface Decline {
  readonly untilMs: number;
  /** Terms begun until then: each forgets who declined what. */
  readonly elected: number;
  earlyCount: number;
}

export class PlacementOracle {
  readonly #world: World;
  readonly #submitted: SubmittedTasks;
  readonly #declines: Map<string, Decline> = new Map();

  constructor(world: World, submitted: SubmittedTasks) {
    this.#world = world;
    this.#submitted = submitted;
  }

  /** `others`: what the node runs with a valid lease, this task apart. */
  started(node: PlacedNode, task: GrantedTask, others: readonly GrantedTask[]): void {
    const { id, name, options } = task;
    const where = `n${node.no} starts ${id}`;
    const spec = this.#submitted.specOf(id);
    if (spec && !isPlaceFor(node.candidate, node.id, spec)) {
      const { requires, node: only } = options!.placement!;
      throw new Violation("I9", `${where}, which wants ${JSON.stringify(requires)} and node "${only}"`);
    }
    const apart = options?.placement?.apart ?? "";
    const other = apart === "" ? undefined : others.find((each) => each.options?.placement?.apart === apart);
    if (other) throw new Violation("I9", `${where} beside ${other.id}, both with the apart key ${apart}`);
    const max = node.handlers.limitOf(name);
    const count = 1 + others.filter((each) => each.name === name).length;
    if (count > max) {
      throw new Violation("I9", `${where}, number ${count} of ${name}, of which it takes ${max}`);
    }
    this.#offered(node, id);
  }

  declined(node: PlacedNode, id: string, forMs: number): void {
    const { schedule, counts, plan } = this.#world;
    if (plan.faults.clockJumps) return;
    const key = `${node.no}/${node.life}/${id}`;
    if (this.#declines.has(key)) return;
    const untilMs = schedule.nowMs + forMs * SHARE_KEPT;
    this.#declines.set(key, { untilMs, elected: counts.elected, earlyCount: 0 });
  }

  #offered(node: PlacedNode, id: string): void {
    const { schedule, counts } = this.#world;
    const key = `${node.no}/${node.life}/${id}`;
    const decline = this.#declines.get(key);
    if (!decline) return;
    if (schedule.nowMs >= decline.untilMs) {
      this.#declines.delete(key);
      return;
    }
    decline.earlyCount++;
    if (decline.earlyCount <= EARLY_OFFERS_MAX + counts.elected - decline.elected) return;
    throw new Violation(
      "L3",
      `n${node.no} is offered ${id} ${decline.earlyCount} times though it declined it`,
    );
  }
}
