/**
 * Who waits for a node to be ready, and what is said when that takes long. What ready means is said in
 * stats.ts.
 */
import { checkKnown, integer } from "../base/arguments.ts";
import type { Environment } from "../base/environment.ts";
import { NoQuorumError, StoppedError } from "../base/errors.ts";

/** So long a start may take without a word, */
const PATIENCE_MS = 5000;
/** and so often the same is said again. */
const SAY_EVERY_MS = 60_000;
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
const ATTEMPT = "wait for the node to be ready";

export interface ReadyOptions {
  /**
   * How long to wait.
   * @default without end
   */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ReadyWatchOptions {
  readonly environment: Environment;
  readonly stopped: AbortSignal;
  /** Null: it is ready. */
  readonly whyNot: () => string | null;
  /** It waits for something, for some time already. */
  readonly onWaiting: (reason: string) => void;
}

export class ReadyWatch {
  readonly #options: ReadyWatchOptions;
  readonly #waiting: Set<() => void> = new Set();
  /** Since when it is not ready; null while it is. */
  #sinceMs: number | null;
  #saidMs = -Infinity;
  #said = "";

  constructor(options: ReadyWatchOptions) {
    this.#options = options;
    this.#sinceMs = options.environment.monoMs();
  }

  /** Something may have changed: called now and then. `isGoing`: nobody waits for it any more. */
  look(isGoing: boolean): void {
    const { environment, whyNot, onWaiting } = this.#options;
    const why = whyNot();
    if (why === null) {
      this.#sinceMs = null;
      this.#said = "";
      for (const resolve of [...this.#waiting]) resolve();
      return;
    }
    const nowMs = environment.monoMs();
    this.#sinceMs ??= nowMs;
    if (isGoing || nowMs - this.#sinceMs < PATIENCE_MS) return;
    const isNews = why !== this.#said && nowMs - this.#saidMs >= PATIENCE_MS;
    if (!isNews && nowMs - this.#saidMs < SAY_EVERY_MS) return;
    this.#said = why;
    this.#saidMs = nowMs;
    onWaiting(why);
  }

  async wait(options: ReadyOptions): Promise<void> {
    checkKnown(ATTEMPT, options, ["timeoutMs", "signal"]);
    const bounds = { min: 0, max: TIMEOUT_MAX_MS, default: 0 };
    const timeoutMs = integer(ATTEMPT, "timeoutMs", options.timeoutMs, bounds);
    const { signal } = options;
    const { environment, stopped, whyNot } = this.#options;
    signal?.throwIfAborted();
    if (stopped.aborted) throw new StoppedError(`Cannot ${ATTEMPT}: it has stopped`);
    if (whyNot() === null) return;
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(onReady);
        if (timer !== null) environment.clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        stopped.removeEventListener("abort", onStopped);
      };
      const onReady = (): void => (end(), resolve());
      const onAbort = (): void => (end(), reject(signal?.reason));
      const onStopped = (): void => (end(), reject(new StoppedError(`Cannot ${ATTEMPT}: it stopped`)));
      const onTimeout = (): void => {
        end();
        reject(new NoQuorumError(`Cannot ${ATTEMPT} for longer than ${timeoutMs} ms: ${whyNot()}`));
      };
      const timer = options.timeoutMs === undefined ? null : environment.setTimeout(onTimeout, timeoutMs);
      this.#waiting.add(onReady);
      signal?.addEventListener("abort", onAbort, { once: true });
      stopped.addEventListener("abort", onStopped, { once: true });
    });
  }
}
