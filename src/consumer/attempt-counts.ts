/** How many attempts began and ended here, and how long they took: by the handler's name. For metrics. */
import type { AttemptEventType } from "./consumer.ts";

/** How an attempt ended, or that a handler has not ended and its attempt has. */
export type AttemptOutcome = "done" | "error" | "lost" | "released";

/** Upper bounds of the durations that are told apart, in seconds; longer ones have a place of their own. */
export const DURATION_BOUNDS_S: readonly number[] = [0.01, 0.1, 1, 10, 60, 600, 3600, 21_600, 86_400];

export interface AttemptCount {
  started: number;
  readonly ended: Record<AttemptOutcome, number>;
  /** Of those that ended: how many took at most so long as each of DURATION_BOUNDS_S, and how many longer. */
  readonly durations: number[];
  durationSumMs: number;
}

export class AttemptCounts {
  readonly byName: Map<string, AttemptCount> = new Map();

  /** `durationMs`: null when it has only begun. */
  note(type: AttemptEventType, name: string, durationMs: number | null): void {
    const count = this.#of(name);
    if (type === "task:start" || durationMs === null) {
      count.started++;
      return;
    }
    // "task:done" is "done"
    count.ended[type.slice(5) as AttemptOutcome]++;
    count.durationSumMs += durationMs;
    let at = 0;
    while (at < DURATION_BOUNDS_S.length && durationMs > DURATION_BOUNDS_S[at]! * 1000) at++;
    count.durations[at]!++;
  }

  #of(name: string): AttemptCount {
    let count = this.byName.get(name);
    if (count === undefined) {
      const durations = new Array<number>(DURATION_BOUNDS_S.length + 1).fill(0);
      const ended = { done: 0, error: 0, lost: 0, released: 0 };
      this.byName.set(name, count = { started: 0, ended, durations, durationSumMs: 0 });
    }
    return count;
  }
}
