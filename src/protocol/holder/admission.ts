/**
 * Which leases granted to this node may start now: no more than it has slots, no more of one handler than it
 * takes, of tasks with one apart key a single one, and one on probation. A second one is declined: only the
 * node itself knows all that it holds, of every partition.
 */
import type { Settlement } from "../model/types.ts";
import { PROVEN_MS } from "../state/lapses.ts";
import type { Credit } from "./credit.ts";
import type { HeldLease } from "./held-leases.ts";
import type { HolderSession } from "./session.ts";

interface Keyed {
  readonly held: HeldLease;
  /** Others were declined for it. */
  hasDeclined: boolean;
}

/** It may start; it waits for a slot; or it goes back to its steward at once. */
export type Verdict = "start" | "wait" | Settlement;

export class Admission {
  readonly #credit: Credit;
  readonly #byApart: Map<string, Keyed> = new Map();
  /** A task on probation; from then on (lease clock) it counts no more. */
  #onProbation: Keyed & { provenMs: number } | null = null;
  #runningCount = 0;

  constructor(credit: Credit) {
    this.#credit = credit;
  }

  judge(held: HeldLease): Verdict {
    // granted before the steward heard that this node takes nothing any more
    if (this.#credit.slots === 0) return { type: "release" };
    if (!this.#claimsProbation(held) || !this.#claimsKey(held)) return { type: "decline", forMs: 0 };
    return this.mayStart(held) ? "start" : "wait";
  }

  /** There is a slot for it. */
  mayStart({ task }: HeldLease): boolean {
    return this.#runningCount < this.#credit.slots && this.#credit.limits.mayStart(task.name);
  }

  started({ task }: HeldLease): void {
    this.#runningCount++;
    this.#credit.limits.started(task.name);
  }

  /** It stored a checkpoint, or its lease is over: another one on probation may come. */
  proven(held: HeldLease): void {
    if (this.#onProbation?.held !== held) return;
    const { hasDeclined } = this.#onProbation;
    this.#onProbation = null;
    if (hasDeclined) this.#credit.changed();
  }

  tick(leaseMs: number): void {
    if (this.#onProbation && leaseMs >= this.#onProbation.provenMs) this.proven(this.#onProbation.held);
  }

  /** Its lease is over, or was never used. */
  ended(held: HeldLease): void {
    this.proven(held);
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

  /** The first that comes, until it has proved to be harmless. */
  #claimsProbation(held: HeldLease): boolean {
    if (!held.task.isOnProbation || this.#onProbation?.held === held) return true;
    if (this.#onProbation) {
      this.#onProbation.hasDeclined = true;
      return false;
    }
    this.#onProbation = { held, hasDeclined: false, provenMs: held.grantedMs + PROVEN_MS };
    return true;
  }

  /** Of those with one key the first that comes, until its lease is over. */
  #claimsKey(held: HeldLease): boolean {
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

function apartKeyOf({ task }: HeldLease): string {
  return task.options?.placement?.apart ?? "";
}

/** Leases granted beyond the free slots: only after faults, and not for long. */
interface Waiting {
  readonly session: HolderSession;
  readonly held: HeldLease;
}

export class StartQueue {
  readonly #waiting: Waiting[] = [];

  clear(): void {
    this.#waiting.length = 0;
  }

  add(session: HolderSession, held: HeldLease): void {
    this.#waiting.push({ session, held });
  }

  has(held: HeldLease): boolean {
    return this.#waiting.some((each) => each.held === held);
  }

  /** The next whose turn it is and that may start; those whose lease is gone are dropped. */
  take(mayStart: (held: HeldLease) => boolean): Waiting | undefined {
    for (let at = 0; at < this.#waiting.length;) {
      const next = this.#waiting[at]!;
      const isThere = next.session.heldLeases.has(next.held);
      if (isThere && !mayStart(next.held)) {
        at++;
        continue;
      }
      this.#waiting.splice(at, 1);
      if (isThere) return next;
    }
    return undefined;
  }

  /** What was granted before `sinceMs` and still waits goes back, so that others can run it. */
  giveBack(sinceMs: number): readonly HolderSession[] {
    const sessions: HolderSession[] = [];
    while (this.#waiting.length > 0 && this.#waiting[0]!.held.grantedMs < sinceMs) {
      const { session, held } = this.#waiting.shift()!;
      if (!session.heldLeases.has(held) || held.isStarted || held.isSettling) continue;
      session.heldLeases.settle(held, { seq: 0, upTo: 0 }, { type: "release" });
      sessions.push(session);
    }
    return sessions;
  }
}
