/** Time that passes when a test says so, with or without its timers. */
import type { Environment, TimerHandle } from "../../src/base/environment.ts";

interface Timer {
  dueMs: number;
  readonly everyMs: number | null;
  readonly run: () => void;
}

export class FakeEnvironment implements Environment {
  nowMs = 1000;
  /** How far the wall clock is ahead of the others. */
  wallAheadMs = 0;
  readonly #timers: Set<Timer> = new Set();

  /** Time passes and timers fire when they are due. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      if (next.everyMs === null) this.#timers.delete(next);
      else next.dueMs = this.nowMs + next.everyMs;
      next.run();
    }
    this.nowMs = untilMs;
  }

  /** Time passes and nothing happens: the loop is blocked. What is due fires in the next `advance`. */
  standStill(ms: number): void {
    this.nowMs += ms;
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (!next || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #add(run: () => void, delayMs: number, everyMs: number | null): TimerHandle {
    const timer: Timer = { dueMs: this.nowMs + delayMs, everyMs, run };
    this.#timers.add(timer);
    return timer;
  }

  monoMs = (): number => this.nowMs;
  wallMs = (): number => this.nowMs + this.wallAheadMs;
  uptimeMs = (): number => this.nowMs;
  setTimeout = (run: () => void, delayMs: number): TimerHandle => this.#add(run, delayMs, null);
  setInterval = (run: () => void, everyMs: number): TimerHandle => this.#add(run, everyMs, everyMs);
  setImmediate = (run: () => void): TimerHandle => this.#add(run, 0, null);
  // handles are timers that were made here
  clearTimeout = (timer: TimerHandle | undefined): void => void this.#timers.delete(timer as Timer);
  clearInterval = (timer: TimerHandle): void => this.clearTimeout(timer);
  clearImmediate = (timer: TimerHandle): void => this.clearTimeout(timer);
  random = (): number => 0.5;
  uuid = (): string => crypto.randomUUID();
}
