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

  /** The next whose turn it is, if its lease is still there. */
  take(): Waiting | undefined {
    const next = this.#waiting.shift();
    return next?.session.holdings.has(next.held) ? next : undefined;
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
