/**
 * Notices, when it is over, that the event loop stood still for long: a handler that did not let go of it, a
 * process that was stopped, a machine that was suspended or gave it no time. From inside they look the same.
 */
import type { Environment, TimerHandle } from "../base/environment.ts";

/** The event loop stood still. */
export interface LoopBlockedInfo {
  /** At least this long. */
  readonly blockedMs: number;
  /**
   * Ids of tasks whose handlers ran in the loop at some time while it stood still, at most 100; those that
   * have ended since first. Handlers in threads are not among them.
   */
  readonly tasks: readonly string[];
}

export interface LoopWatchOptions {
  readonly environment: Environment;
  /** Shorter ones are not reported. */
  readonly blockedMinMs: number;
  /** Tasks that run in the loop now. */
  readonly running: () => Iterable<string>;
  readonly onBlocked: (info: LoopBlockedInfo) => void;
}

const TASKS_MAX = 100;
const LOOKS_PER_BLOCK = 4;
const LOOK_MIN_MS = 10;

export class LoopWatch {
  readonly #options: LoopWatchOptions;
  readonly #everyMs: number;
  readonly #timer: TimerHandle;
  #lookedMs: number;
  /** Since the last look. */
  readonly #ended: Set<string> = new Set();

  constructor(options: LoopWatchOptions) {
    const { environment, blockedMinMs } = options;
    this.#options = options;
    this.#everyMs = Math.max(LOOK_MIN_MS, blockedMinMs / LOOKS_PER_BLOCK);
    this.#lookedMs = environment.monoMs();
    this.#timer = environment.setInterval(() => this.#look(), this.#everyMs);
  }

  /** A handler that blocks the loop and then ends runs no more when the loop is back. */
  ended(id: string): void {
    if (this.#ended.size < TASKS_MAX) this.#ended.add(id);
  }

  stop(): void {
    this.#options.environment.clearInterval(this.#timer);
  }

  #look(): void {
    const { environment, blockedMinMs, running, onBlocked } = this.#options;
    const nowMs = environment.monoMs();
    const blockedMs = Math.round(nowMs - this.#lookedMs - this.#everyMs);
    this.#lookedMs = nowMs;
    const ended = [...this.#ended];
    this.#ended.clear();
    if (blockedMs < blockedMinMs) return;
    const tasks = new Set(ended);
    for (const id of running()) {
      if (tasks.size >= TASKS_MAX) break;
      tasks.add(id);
    }
    onBlocked({ blockedMs, tasks: [...tasks] });
  }
}
