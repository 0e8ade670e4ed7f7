/** Two of Metafora's balancers that keep no order: dumb takes everything, sleep takes it later when busy. */
import type { Balancer, BalancerContext, ClaimRefusal, OfferedTask } from "./balancer.ts";

const MS_PER_TASK = 30;
/** Tasks whose turn comes later: those whose turn came first are forgotten beyond. */
const LATER_MAX = 10_000;

/** Begins whatever is offered and gives nothing back. */
export function dumbBalancer(): Balancer {
  return {};
}

export interface SleepBalancerOptions {
  /** For each task that runs already. @default 30 */
  readonly msPerTask?: number;
}

/**
 * The busier a node is the later it begins a task: it refuses the task for `msPerTask` x the tasks that run
 * here, so that others may have it, and takes it when it is offered again after that.
 *
 * @throws RangeError
 */
export function sleepBalancer({ msPerTask = MS_PER_TASK }: SleepBalancerOptions = {}): Balancer {
  if (typeof msPerTask !== "number" || !(msPerTask >= 0 && msPerTask <= 3_600_000)) {
    throw new RangeError(
      `Cannot make a sleep balancer: msPerTask must be from 0 to 3600000, got ${String(msPerTask)}`,
    );
  }
  return new SleepBalancer(msPerTask);
}

class SleepBalancer implements Balancer {
  readonly #msPerTask: number;
  readonly #turnMsById: Map<string, number> = new Map();
  #context: BalancerContext | null = null;

  constructor(msPerTask: number) {
    this.#msPerTask = msPerTask;
  }

  init(context: BalancerContext): void {
    this.#context = context;
    this.#turnMsById.clear();
  }

  canClaim({ id }: OfferedTask): true | ClaimRefusal {
    const nowMs = this.#context?.now() ?? 0;
    const turnMs = this.#turnMsById.get(id) ??
      nowMs + this.#msPerTask * (this.#context?.tasks().length ?? 0);
    this.#turnMsById.delete(id);
    if (turnMs <= nowMs) return true;
    this.#turnMsById.set(id, turnMs);
    if (this.#turnMsById.size > LATER_MAX) {
      this.#turnMsById.delete(this.#turnMsById.keys().next().value as string);
    }
    return { ignoreUntil: new Date(turnMs) };
  }
}
