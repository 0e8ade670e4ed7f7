/**
 * What a node watches as a client: tasks whose ends somebody waits for, and tasks whose ends somebody will
 * most likely ask for. Where the ends of recent tasks were waited for, the next submits ask for theirs
 * along: it spares a message a task. Such a watch is dropped after a while if nobody wants it. Part of
 * requests.ts.
 */
import type { Outcome } from "./messages.ts";

export interface Watch {
  readonly p: number;
  sentMs: number;
  /** Somebody waits. */
  isWanted: boolean;
  /** Came before anybody waited. */
  outcome: Outcome | null;
  /** A steward said "unknown", perhaps to an older question: this query asks again. 0 = none is under way. */
  doubtRid: number;
}

export const NEVER: number = -Infinity;
const PER_TICK_MAX = 1000;
/** Ends that nobody asked for, until submits ask for none. */
const INTEREST_MAX = 100;
/** Longer results are asked for again. */
const HELD_BYTES_MAX = 1024;

export class Watches {
  /** In the order of the last sending, so that what is overdue stands in front. */
  readonly byId: Map<string, Watch> = new Map();
  #interest = 0;

  /** The end of what is submitted now will be waited for. */
  get isLikely(): boolean {
    return this.#interest > 0;
  }

  /** Somebody waits for the end. Undefined when that was to be watched only now. */
  want(id: string): Watch | undefined {
    this.#interest = Math.min(INTEREST_MAX, this.#interest + 1);
    const watch = this.byId.get(id);
    if (watch) watch.isWanted = true;
    return watch;
  }

  add(id: string, p: number, sentMs: number, isWanted: boolean): Watch {
    const watch = { p, sentMs, isWanted, outcome: null, doubtRid: 0 };
    this.byId.set(id, watch);
    return watch;
  }

  /** An end that nobody waits for yet. */
  hold(outcome: Outcome, watch: Watch): void {
    const isShort = (outcome.result?.length ?? 0) + outcome.error.length <= HELD_BYTES_MAX;
    if (outcome.state !== "unknown" && isShort) watch.outcome = outcome;
    else this.byId.delete(outcome.id);
  }

  /** A watch is answered when the task ends, which may take days: asking again only repairs. */
  repeat(nowMs: number, patienceMs: number, fresh: [string, Watch][]): void {
    let count = 0;
    for (const [id, watch] of this.byId) {
      if (watch.sentMs > nowMs - patienceMs) break;
      this.byId.delete(id);
      if (!watch.isWanted) {
        this.#interest = Math.max(0, this.#interest - 1);
        continue;
      }
      this.byId.set(id, watch);
      fresh.push([id, watch]);
      watch.sentMs = nowMs;
      if (++count >= PER_TICK_MAX) break;
    }
  }
}
