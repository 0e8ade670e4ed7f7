/**
 * Watches executions, not only records. I10: a handler is called only under a lease that stands for longer
 * than the margin; and unless the end of an attempt was reported, the next attempt at its task starts no
 * sooner than the margin after the moment from which the first one could know: its signal was aborted, or its
 * deadline had passed. Which of two leases is valid is the business of oracle-leases.ts.
 */
import type { Engine } from "../protocol/engine.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A node that runs handlers. */
export interface ExecutingNode {
  readonly no: number;
  readonly engine: Engine | null;
  /** The whole process stands still: nothing executes. A handler that holds the loop is no such thing. */
  readonly isStopped: boolean;
  readonly clock: { leaseMs(nowMs: number): number };
}

interface Execution {
  readonly node: ExecutingNode;
  readonly p: number;
  readonly id: string;
  readonly fence: number;
  /** True time from which it could know that it must end. */
  knownMs: number | undefined;
}

/** For the arithmetic of floating-point clocks. */
const TOLERANCE_MS = 1;

export class ExecutionOracle {
  readonly #world: World;
  readonly #byId: Map<string, Execution[]> = new Map();
  readonly #byNode: Map<ExecutingNode, Set<Execution>> = new Map();
  /** When a node's clocks were last looked at: what they show of the time before is true. */
  readonly #lookedMs: Map<ExecutingNode, number> = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  started(node: ExecutingNode, p: number, { id, fence }: GrantedTask): void {
    const leftMs = -this.#overdueMs(node, p);
    if (!(leftMs > 0)) {
      const rest = `${Math.round(leftMs)} ms before it must end`;
      throw new Violation("I10", `n${node.no} calls the handler of p${p} ${id} (fence ${fence}) ${rest}`);
    }
    for (const other of this.#byId.get(id) ?? []) {
      if (other.node !== node) this.#expectOver(other, node, fence);
    }
    const execution: Execution = { node, p, id, fence, knownMs: undefined };
    const executions = this.#byId.get(id);
    if (executions) executions.push(execution);
    else this.#byId.set(id, [execution]);
    const own = this.#byNode.get(node);
    if (own) own.add(execution);
    else this.#byNode.set(node, new Set([execution]));
  }

  #expectOver(other: Execution, node: ExecutingNode, fence: number): void {
    const { plan, schedule } = this.#world;
    if (other.node.isStopped) return;
    this.looked(other.node);
    const overMs = (other.knownMs ?? Infinity) + plan.marginMs / (1 + plan.clockRateBound) - TOLERANCE_MS;
    if (schedule.nowMs >= overMs) return this.#drop(other);
    const since = other.knownMs === undefined
      ? "which cannot know that it must end"
      : `which could know for ${Math.round(schedule.nowMs - other.knownMs)} ms that it must end`;
    const first = `the attempt of n${other.node.no} (fence ${other.fence})`;
    throw new Violation(
      "I10",
      `n${node.no} starts p${other.p} ${other.id} (fence ${fence}) beside ${first}, ${since}`,
    );
  }

  /** By the node's own clock, since when its leases in `p` have been within the margin; negative: not yet. */
  #overdueMs({ engine, clock }: ExecutingNode, p: number): number {
    if (!engine) return -Infinity;
    return clock.leaseMs(this.#world.schedule.nowMs) - engine.holder.validUntilMs(p) +
      this.#world.plan.marginMs;
  }

  /** Its clocks are about to change, or have changed, or may show that a deadline has passed. */
  looked(node: ExecutingNode): void {
    const { nowMs } = this.#world.schedule;
    const lastMs = this.#lookedMs.get(node) ?? 0;
    for (const execution of this.#byNode.get(node) ?? []) {
      if (execution.knownMs !== undefined) continue;
      const overdueMs = this.#overdueMs(node, execution.p);
      if (overdueMs === Infinity) execution.knownMs = nowMs;
      else if (overdueMs >= 0) execution.knownMs = Math.max(lastMs, nowMs - overdueMs);
    }
    this.#lookedMs.set(node, nowMs);
  }

  /** Its signal is aborted now, because the lease ends, has ended, or for another reason. */
  aborted(node: ExecutingNode, id: string, fence: number): void {
    const execution = this.#find(node, id, fence);
    if (execution) execution.knownMs ??= this.#world.schedule.nowMs;
  }

  /** Its end is reported to the steward. */
  reported(node: ExecutingNode, id: string, fence: number): void {
    const execution = this.#find(node, id, fence);
    if (execution) this.#drop(execution);
  }

  crashed(node: ExecutingNode): void {
    for (const execution of this.#byNode.get(node) ?? []) this.#drop(execution);
    this.#lookedMs.delete(node);
  }

  #find(node: ExecutingNode, id: string, fence: number): Execution | undefined {
    return this.#byId.get(id)?.find((each) => each.node === node && each.fence === fence);
  }

  #drop(execution: Execution): void {
    this.#byNode.get(execution.node)?.delete(execution);
    const rest = (this.#byId.get(execution.id) ?? []).filter((each) => each !== execution);
    if (rest.length === 0) this.#byId.delete(execution.id);
    else this.#byId.set(execution.id, rest);
  }
}
