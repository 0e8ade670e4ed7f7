/**
 * What a node takes from its surroundings: time and chance. The system's own, unless a test brings others
 * (src/testing). Everything in coordinator, client, consumer and node that a run of a cluster depends on
 * comes from here; the mesh and its clients use the system's, for real sockets live in real time.
 */
import { uptime } from "node:os";
import { clearImmediate, setImmediate } from "node:timers";

/** What a timer is known by. */
export type TimerHandle = object | number;

export interface Environment {
  /** Monotonic ms. */
  monoMs(): number;
  /** Ms since the epoch. */
  wallMs(): number;
  /** Ms since the machine started, in coarse steps. */
  uptimeMs(): number;
  setTimeout(run: () => void, delayMs: number): TimerHandle;
  clearTimeout(timer: TimerHandle | undefined): void;
  setInterval(run: () => void, everyMs: number): TimerHandle;
  clearInterval(timer: TimerHandle): void;
  /** After everything that has arrived, before the next wait. */
  setImmediate(run: () => void): TimerHandle;
  clearImmediate(immediate: TimerHandle): void;
  /** In [0, 1). */
  random(): number;
  uuid(): string;
}

export const systemEnvironment: Environment = {
  monoMs: () => performance.now(),
  wallMs: () => Date.now(),
  uptimeMs: () => uptime() * 1000,
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  // handles go back to where they came from: the casts only undo TimerHandle
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
  setInterval: (run, everyMs) => setInterval(run, everyMs),
  clearInterval: (timer) => clearInterval(timer as ReturnType<typeof setInterval>),
  setImmediate: (run) => setImmediate(run),
  clearImmediate: (immediate) => clearImmediate(immediate as ReturnType<typeof setImmediate>),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID(),
};
