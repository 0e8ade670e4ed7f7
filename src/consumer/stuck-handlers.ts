/**
 * Handlers that give no sign of life: aborted, then given up, so that their tasks go elsewhere. One that was
 * given up still runs, and nothing else runs in its place until it ends.
 */
import type { Environment, TimerHandle } from "../base/environment.ts";
import { GRACE_MS, type Handler } from "./handler.ts";
import type { Attempt } from "./attempt.ts";

/** A thread that cannot be ended within this time hangs in native code: it is given up too. */
const THREAD_PATIENCE_MS = 5000;
/** How often a thread passes beats on in the time that its handler may be silent. */
export const BEATS_PER_TIMEOUT = 8;

export class StuckHandlers {
  readonly #environment: Environment;
  readonly #giveUp: (attempt: Attempt) => void;
  readonly #givenUp: Set<Attempt> = new Set();
  /** Of those that were aborted and have not ended yet. */
  readonly #timerByAttempt: Map<Attempt, TimerHandle> = new Map();

  /** `giveUp`: settles the attempt although its handler still runs. */
  constructor(environment: Environment, giveUp: (attempt: Attempt) => void) {
    this.#environment = environment;
    this.#giveUp = giveUp;
  }

  /** Given up, and still running. */
  get count(): number {
    return this.#givenUp.size;
  }

  /** The handler begins. */
  watch(attempt: Attempt): void {
    const { handler } = attempt;
    if (handler.beatTimeoutMs === undefined) return;
    attempt.watchBeats(silenceOf(handler.beatTimeoutMs, handler), () => {
      attempt.abort("stuck");
      const timer = this.#environment.setTimeout(() => {
        this.#timerByAttempt.delete(attempt);
        if (!attempt.isRunning || attempt.isLost) return;
        this.#givenUp.add(attempt);
        this.#giveUp(attempt);
      }, graceOf(handler));
      this.#timerByAttempt.set(attempt, timer);
    });
  }

  /** The handler has ended; true when it had been given up. */
  ended(attempt: Attempt): boolean {
    attempt.endBeats();
    this.#environment.clearTimeout(this.#timerByAttempt.get(attempt));
    this.#timerByAttempt.delete(attempt);
    return this.#givenUp.delete(attempt);
  }
}

/** From the abort until the attempt ends without its handler. A thread is ended before that. */
function graceOf({ graceMs = GRACE_MS, isIsolated = false }: Handler): number {
  return isIsolated ? graceMs + THREAD_PATIENCE_MS : graceMs;
}

/** A beat that a thread did not pass on is younger than the one before it by this. */
function silenceOf(beatTimeoutMs: number, { isIsolated = false }: Handler): number {
  return isIsolated ? beatTimeoutMs * (1 + 1 / BEATS_PER_TIMEOUT) : beatTimeoutMs;
}

/** What the retry policy is given. */
export function stuckError({ beatTimeoutMs }: Handler): Error {
  return new Error(`no beat for ${beatTimeoutMs} ms`);
}
