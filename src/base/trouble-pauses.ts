/**
 * For how long a node leaves to others what it could not start for want of processes, threads or descriptors:
 * a second at first, twice as long each time that it goes wrong again after such a pause, a minute at most.
 * Many that go wrong at once count as one.
 */
const PAUSE_MIN_MS = 1000;
const PAUSE_MAX_MS = 60_000;

export class TroublePauses {
  readonly #monoMs: () => number;
  #pauseMs = 0;
  #untilMs = -Infinity;

  constructor(monoMs: () => number = () => performance.now()) {
    this.#monoMs = monoMs;
  }

  /** It went wrong: what is left of the pause, or the next, longer one. */
  nextMs(): number {
    const nowMs = this.#monoMs();
    if (nowMs >= this.#untilMs) {
      this.#pauseMs = Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, this.#pauseMs * 2));
      this.#untilMs = nowMs + this.#pauseMs;
    }
    return Math.max(1, Math.round(this.#untilMs - nowMs));
  }

  /** Something was started: what was wrong is over. */
  end(): void {
    this.#pauseMs = 0;
  }
}
