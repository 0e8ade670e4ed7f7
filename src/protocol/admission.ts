/**
 * Which leases granted to this node may start now: no more than it has slots, no more of one handler than it
 * takes, and of tasks with one apart key a single one. A second one is declined: only the node itself knows
 * all that it holds, of every partition.
 */
import type { Credit } from "./credit.ts";
import type { Held } from "./holdings.ts";
import type { Settlement } from "./types.ts";

interface Keyed {
  readonly held: Held;
  /** Others were declined for it. */
  hasDeclined: boolean;
}

/** It may start; it waits for a slot; or it goes back to its steward at once. */
export type Verdict = "start" | "wait" | Settlement;

export class Admission {
  readonly #credit: Credit;
  readonly #byApart: Map<string, Keyed> = new Map();
  #runningCount = 0;

  constructor(credit: Credit) {
    this.#credit = credit;
  }

  judge(held: Held): Verdict {
    // granted before the steward heard that this node takes nothing any more
    if (this.#credit.slots === 0) return { type: "release" };
    if (!this.#claimsKey(held)) return { type: "decline", untilMs: 0 };
    return this.mayStart(held) ? "start" : "wait";
  }

  /** There is a slot for it. */
  mayStart({ task }: Held): boolean {
    return this.#runningCount < this.#credit.slots && this.#credit.limits.mayStart(task.name);
  }

  started({ task }: Held): void {
    this.#runningCount++;
    this.#credit.limits.started(task.name);
  }

  /** Its lease is over, or was never used. */
  ended(held: Held): void {
    if (held.isStarted) {
      this.#runningCount--;
      this.#credit.limits.stopped(held.task.name);
    }
    const key = apartKeyOf(held);
    const keyed = this.#byApart.get(key);
    if (keyed?.held !== held) return;
    this.#byApart.delete(key);
    if (keyed.hasDeclined) this.#credit.changed();
  }

  /** Of those with one key the first that comes, until its lease is over. */
  #claimsKey(held: Held): boolean {
    const key = apartKeyOf(held);
    if (key === "") return true;
    const keyed = this.#byApart.get(key);
    if (!keyed) this.#byApart.set(key, { held, hasDeclined: false });
    else if (keyed.held !== held) {
      keyed.hasDeclined = true;
      return false;
    }
    return true;
  }
}

function apartKeyOf({ task }: Held): string {
  return task.options?.placement?.apart ?? "";
}
