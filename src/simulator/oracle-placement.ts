/**
 * Watches where tasks run: I9 a node runs only what it has the labels, or the name, for; never two live tasks
 * of one apart key; no more of one handler than it offered. And L3: who declined a task until a time is not
 * asked again and again before.
 */
import type { GrantedTask } from "../protocol/model/messages.ts";
import { Violation } from "./violation.ts";
import type { VirtualNode } from "./node.ts";
import { isPlaceFor } from "./placement.ts";
import type { World } from "./world.ts";

/** Offers after a decline that nothing explains. */
const EARLY_OFFERS_MAX = 8;
/** Clocks and messages take their time. */
const SHARE_KEPT = 0.7;

interface Decline {
  readonly untilMs: number;
  /** Reigns begun until then: each forgets who declined what. */
  readonly crowned: number;
  earlyCount: number;
}

export class PlacementOracle {
  readonly #world: World;
  readonly #declines: Map<string, Decline> = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  /** `others`: what the node runs with a valid lease, this task apart. */
  started(node: VirtualNode, task: GrantedTask, others: readonly GrantedTask[]): void {
    const { id, name, options } = task;
    const where = `n${node.no} starts ${id}`;
    const spec = this.#world.oracle.specOf(id);
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

  declined(node: VirtualNode, id: string, forMs: number): void {
    const { schedule, counts, plan } = this.#world;
    if (plan.faults.clockJumps) return;
    const key = `${node.no}/${node.life}/${id}`;
    if (this.#declines.has(key)) return;
    const untilMs = schedule.nowMs + forMs * SHARE_KEPT;
    this.#declines.set(key, { untilMs, crowned: counts.crowned, earlyCount: 0 });
  }

  #offered(node: VirtualNode, id: string): void {
    const { schedule, counts } = this.#world;
    const key = `${node.no}/${node.life}/${id}`;
    const decline = this.#declines.get(key);
    if (!decline) return;
    if (schedule.nowMs >= decline.untilMs) {
      this.#declines.delete(key);
      return;
    }
    decline.earlyCount++;
    if (decline.earlyCount <= EARLY_OFFERS_MAX + counts.crowned - decline.crowned) return;
    throw new Violation(
      "L3",
      `n${node.no} is offered ${id} ${decline.earlyCount} times though it declined it`,
    );
  }
}
