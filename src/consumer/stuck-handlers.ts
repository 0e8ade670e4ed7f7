/**
 * Handlers that give no sign of life: told to stop, then given up, so that their tasks go elsewhere. One that
 * was given up still runs, and nothing else runs in its place until it ends.
 */
import type { Ambient } from "../base/environment.ts";
import { GRACE_MS, type Handler } from "./handler.ts";
import type { Run } from "./attempt.ts";

/** A thread that does not end although it is ended hangs in native code: then it is given up too. */
const THREAD_PATIENCE_MS = 5000;
/** A thread passes beats on so many times in the time that its handler may be silent. */
export const BEATS_PER_TIMEOUT = 8;

export class StuckHandlers {
  readonly #ambient: Ambient;
  readonly #giveUp: (run: Run) => void;
  readonly #givenUp: Set<Run> = new Set();

  /** `giveUp`: settles the attempt although its handler still runs. */
  constructor(ambient: Ambient, giveUp: (run: Run) => void) {
    this.#ambient = ambient;
    this.#giveUp = giveUp;
  }

  /** Given up, and still running. */
  get count(): number {
    return this.#givenUp.size;
  }

  /** The handler begins. */
  watch(run: Run): void {
    const { handler } = run;
    if (handler.beatTimeoutMs === undefined) return;
    run.watchBeats(silenceOf(handler.beatTimeoutMs, handler), () => {
      run.abort("stuck");
      this.#ambient.setTimeout(() => {
        if (!run.isRunning || run.isLost) return;
        this.#givenUp.add(run);
        this.#giveUp(run);
      }, graceOf(handler));
    });
  }

  /** The handler has ended; true when it had been given up. */
  ended(run: Run): boolean {
    run.endBeats();
    return this.#givenUp.delete(run);
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

/** What the retry policy is told. */
export function stuckError({ beatTimeoutMs }: Handler): Error {
  return new Error(`no beat for ${beatTimeoutMs} ms`);
}
