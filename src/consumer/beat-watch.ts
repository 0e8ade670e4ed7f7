/**
 * Notices a handler that has given no sign of life for too long. What becomes of it is the consumer's
 * business.
 */
import type { Environment, TimerHandle } from "../base/environment.ts";

/** A timer that is later than this part of the time allowed says that everything stood still. */
const LATE_PART = 0.25;

export interface BeatWatchOptions {
  /** How long it may be silent. */
  readonly timeoutMs: number;
  readonly environment: Environment;
  /** Called once at most. */
  readonly onSilent: () => void;
}

export class BeatWatch {
  readonly #options: BeatWatchOptions;
  #beatMs: number;
  #dueMs = 0;
  /** It was given more time because everything had stood still. */
  #isExcused = false;
  #timer: TimerHandle | undefined;

  constructor(options: BeatWatchOptions) {
    this.#options = options;
    this.#beatMs = options.environment.monoMs();
    this.#wait(options.timeoutMs);
  }

  beat(): void {
    this.#isExcused = false;
    this.#beatMs = this.#options.environment.monoMs();
  }

  end(): void {
    this.#options.environment.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    const { environment } = this.#options;
    this.#dueMs = environment.monoMs() + ms;
    this.#timer = environment.setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const { environment, timeoutMs, onSilent } = this.#options;
    const nowMs = environment.monoMs();
    const silentMs = nowMs - this.#beatMs;
    // timers are exact to a millisecond at best
    if (silentMs < timeoutMs - 1) this.#wait(timeoutMs - silentMs);
    else if (this.#isExcused || nowMs - this.#dueMs <= timeoutMs * LATE_PART) onSilent();
    else {
      // the handler could not beat either: somebody blocked the loop, or the process stood still
      this.#isExcused = true;
      this.#wait(timeoutMs * LATE_PART);
    }
  }
}
