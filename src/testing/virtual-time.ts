/**
 * The time of a simulated cluster: what happens next, and who waits for what. It stands still unless somebody
 * drives it; between two events everything that promises have set off runs to its end.
 */
import { nextTick } from "node:process";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import { Schedule } from "./schedule.ts";

/** The real clock, before handlers get a virtual one. */
const realMs = performance.now.bind(performance);
/** After so long the event loop gets a turn, real ms. */
const TURN_MS = 8;

/** Why nobody waits any longer. */
type Reached = "met" | "time";

interface Goal {
  readonly untilMs: number;
  readonly isMet: () => boolean;
  readonly promise: PromiseWithResolvers<Reached>;
}

export class VirtualTime {
  readonly #schedule: Schedule = new Schedule();
  readonly #startMs: number;
  readonly #goals: Set<Goal> = new Set();
  readonly #holding: Set<Promise<unknown>> = new Set();
  #isDriven = false;
  #isOver = false;
  #failure: { readonly error: unknown } | null = null;

  /** Starts at a time since the epoch. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Since the start. */
  get nowMs(): number {
    return this.#schedule.nowMs;
  }

  /** Since the epoch, in whole ms like Date.now(). */
  get wallMs(): number {
    return Math.floor(this.#startMs + this.#schedule.nowMs);
  }

  after(delayMs: number, run: () => void): void {
    this.#schedule.after(delayMs, run);
  }

  /** Somebody lets it pass. */
  get isDriven(): boolean {
    return this.#isDriven;
  }

  /** Lets time pass until `isMet`, or until `untilMs`; what is due at that very moment still happens. */
  drive(untilMs: number, isMet: () => boolean = () => false): Promise<Reached> {
    const goal: Goal = { untilMs, isMet, promise: Promise.withResolvers() };
    this.#goals.add(goal);
    if (!this.#isDriven) void this.#run();
    return goal.promise.promise;
  }

  /** No virtual time passes until the promise is settled, by something outside. */
  hold(promise: Promise<unknown>): void {
    const isOver = promise.then(() => {}, () => {}).then(() => void this.#holding.delete(isOver));
    this.#holding.add(isOver);
  }

  /** Whoever waits, now or later, gets the error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Nothing happens any more. */
  end(error: unknown): void {
    this.#isOver = true;
    this.fail(error);
    this.#rejectAll();
  }

  async #run(): Promise<void> {
    this.#isDriven = true;
    let turnedMs = -Infinity;
    for (;;) {
      await drained();
      // the rest of the process lives, too
      if (realMs() - turnedMs > TURN_MS) {
        await turn();
        turnedMs = realMs();
      }
      while (this.#holding.size > 0) await Promise.race(this.#holding).then(turn);
      if (this.#failure) this.#rejectAll();
      if (this.#goals.size === 0) break;
      if (!this.#settle()) this.#next();
    }
    this.#isDriven = false;
  }

  /** True when somebody has what it waited for: it goes on before anything else happens. */
  #settle(): boolean {
    const before = this.#goals.size;
    for (const goal of [...this.#goals]) {
      try {
        if (goal.isMet()) this.#reached(goal, "met");
      } catch (error) {
        this.#goals.delete(goal);
        goal.promise.reject(error);
      }
    }
    return this.#goals.size < before;
  }

  #next(): void {
    const limitMs = Math.min(...[...this.#goals].map((goal) => goal.untilMs));
    if (this.#schedule.nextMs > limitMs) {
      this.#schedule.skipTo(limitMs);
      for (const goal of [...this.#goals]) if (goal.untilMs <= limitMs) this.#reached(goal, "time");
      return;
    }
    try {
      if (!this.#isOver) this.#schedule.take()?.();
    } catch (error) {
      this.fail(error);
    }
  }

  #reached(goal: Goal, how: Reached): void {
    this.#goals.delete(goal);
    goal.promise.resolve(how);
  }

  #rejectAll(): void {
    for (const goal of [...this.#goals]) {
      this.#goals.delete(goal);
      goal.promise.reject(this.#failure?.error);
    }
  }
}

/**
 * The end of the real microtasks: all that promises had set off is done by then. A tick, because it comes
 * after all of them and needs no turn of the event loop.
 */
function drained(): Promise<void> {
  return new Promise((resolve) => nextTick(resolve));
}

/**
 * A turn of the real event loop. The timer wakes a loop that sleeps beside an immediate that is due: that of
 * Bun 1.4.5 while `expect(promise).rejects` waits.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {}, 0);
    setImmediate(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
