/** Leases granted beyond the free slots: only after faults, and not for long. */
import type { Held } from "./holdings.ts";
import type { WorkerSession } from "./worker-session.ts";

interface Waiting {
  readonly session: WorkerSession;
  readonly held: Held;
}

export class StartQueue {
  readonly #waiting: Waiting[] = [];

  clear(): void {
    this.#waiting.length = 0;
  }

  add(session: WorkerSession, held: Held): void {
    this.#waiting.push({ session, held });
  }

  has(held: Held): boolean {
    return this.#waiting.some((each) => each.held === held);
  }

  /** The next whose turn it is and that may start; those whose lease is gone are dropped. */
  take(mayStart: (held: Held) => boolean): Waiting | undefined {
    for (let at = 0; at < this.#waiting.length;) {
      const next = this.#waiting[at]!;
      const isThere = next.session.holdings.has(next.held);
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
  giveBack(sinceMs: number): readonly WorkerSession[] {
    const sessions: WorkerSession[] = [];
    while (this.#waiting.length > 0 && this.#waiting[0]!.held.grantedMs < sinceMs) {
      const { session, held } = this.#waiting.shift()!;
      if (!session.holdings.has(held) || held.isStarted || held.isSettling) continue;
      session.holdings.settle(held, { seq: 0, upTo: 0 }, { type: "release" });
      sessions.push(session);
    }
    return sessions;
  }
}
