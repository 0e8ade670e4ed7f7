/**
 * One life of a simulated node, from its start to its crash or stop: what it takes from its surroundings.
 * All that the node does, and all that its handlers do in consequence, runs inside its life, however many
 * promises lie between: that is how a timer of a handler is known to stand still, or to die, with its node.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Environment, TimerHandle } from "../base/environment.ts";
import type { PersistRecord } from "../protocol/model/contract.ts";
import type { Store } from "../store/store.ts";
import type { Rng } from "./rng.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A turn of the loop takes a moment: what never waits for anything else still lets time pass. */
const TURN_MS = 0.02;
const TIMER_MIN_MS = 1;
const TIMER_MAX_MS = 2 ** 31 - 1;

const inside: AsyncLocalStorage<Life | undefined> = new AsyncLocalStorage();

/** The life that the running code belongs to; undefined in the test itself. */
export function currentLife(): Life | undefined {
  return inside.getStore();
}

/** Runs something as if no node had asked for it. */
export function outside<T>(run: () => T): T {
  return inside.run(undefined, run);
}

/** What a virtual timer is known by; handlers may treat it like the runtime's. */
export class VirtualTimer {
  #isOver = false;

  /** It was cleared, or has run. */
  get isOver(): boolean {
    return this.#isOver;
  }

  clear(): void {
    this.#isOver = true;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

/** By so much the node's wall clock is wrong, in all its lives. */
export interface WallError {
  readonly ms: number;
}

export class Life implements Environment {
  /** Of the node. */
  readonly no: number;
  readonly time: VirtualTime;
  readonly #rng: Rng;
  readonly #wallError: WallError;
  #isDead = false;
  #isPaused = false;
  #late: (() => void)[] = [];

  constructor(no: number, time: VirtualTime, rng: Rng, wallError: WallError = { ms: 0 }) {
    this.no = no;
    this.time = time;
    this.#rng = rng;
    this.#wallError = wallError;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Runs something of this node: now, when it stands no longer still, or never. */
  enter(run: () => void): void {
    if (this.#isDead) return;
    if (this.#isPaused) this.#late.push(run);
    else inside.run(this, run);
  }

  /** The same, at once and with what it returns. */
  inside<T>(run: () => T): T {
    return inside.run(this, run);
  }

  /** From now on nothing of it happens. */
  die(): void {
    this.#isDead = true;
  }

  /** It stands still. */
  pause(): void {
    this.#isPaused = true;
  }

  /** What became due in the meantime happens late, in order. */
  resume(): void {
    this.#isPaused = false;
    const late = this.#late;
    this.#late = [];
    for (const run of late) this.time.after(0, () => this.enter(run));
  }

  monoMs(): number {
    return this.time.nowMs;
  }

  wallMs(): number {
    return this.time.wallMs + this.#wallError.ms;
  }

  uptimeMs(): number {
    return this.time.nowMs;
  }

  setTimeout(run: () => void, delayMs: number): TimerHandle {
    return this.#after(timerMs(delayMs), run);
  }

  clearTimeout(timer: TimerHandle | undefined): void {
    if (timer instanceof VirtualTimer) timer.clear();
  }

  setInterval(run: () => void, everyMs: number): TimerHandle {
    const timer = new VirtualTimer();
    const again = (): void => {
      if (timer.isOver) return;
      this.#after(timerMs(everyMs), again);
      run();
    };
    this.#after(timerMs(everyMs), again);
    return timer;
  }

  clearInterval(timer: TimerHandle): void {
    this.clearTimeout(timer);
  }

  setImmediate(run: () => void): TimerHandle {
    return this.#after(TURN_MS, run);
  }

  clearImmediate(immediate: TimerHandle): void {
    this.clearTimeout(immediate);
  }

  random(): number {
    return this.#rng.float();
  }

  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.#rng.int(2 ** 32).toString(16).padStart(8, "0")).join(
      "",
    );
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${
      hex.slice(20)
    }`;
  }

  #after(delayMs: number, run: () => void): VirtualTimer {
    const timer = new VirtualTimer();
    this.time.after(delayMs, () => {
      if (timer.isOver) return;
      this.enter(() => {
        if (timer.isOver) return;
        timer.clear();
        run();
      });
    });
    return timer;
  }
}

/** What the runtimes make of a delay. */
function timerMs(delayMs: number): number {
  return delayMs >= TIMER_MIN_MS && delayMs <= TIMER_MAX_MS ? delayMs : TIMER_MIN_MS;
}

/**
 * Resolves after so much virtual time, rejects with the signal's reason when it aborts. Inside a node it is
 * the node's time.
 */
export function virtualDelay(time: VirtualTime, ms: number, signal?: AbortSignal): Promise<void> {
  const life = currentLife();
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => reject(signal?.reason);
    const onTime = (): void => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (life) life.setTimeout(onTime, ms);
    else time.after(ms, onTime);
  });
}

/** What a simulated node keeps over its crashes: its records, durable as soon as they are written. */
export class KeptRecords {
  readonly #records: PersistRecord[] = [];
  #boot = 0;

  /** The store of the next life. */
  open(): Store {
    const boot = ++this.#boot;
    return {
      boot,
      isDurable: true,
      open: () => Promise.resolve(),
      privateKey: (make) => make(),
      load: () => [...this.#records],
      append: (records, onDurable) => {
        // a life that is over writes nothing any more
        if (boot === this.#boot) { for (const record of records) this.#records.push(record); }
        onDurable();
      },
      close: () => Promise.resolve(),
    };
  }
}
