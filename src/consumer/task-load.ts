/**
 * How much of a node a task takes, as its handler reports: a number, or marks on a meter. The rate per second
 * of the marks over the last minute is then the number (the exponentially weighted average of Unix's load, in
 * steps of five seconds).
 */
import type { Environment } from "../base/environment.ts";

const STEP_MS = 5000;
const KEPT_PER_STEP: number = Math.exp(-STEP_MS / 60_000);
/** After so many steps nothing is left of what was before. */
const STEPS_MAX = 500;

/** Counts what a task does. */
export interface Meter {
  /** `count` more things were done. @default 1 */
  mark(count?: number): void;
  /** Per second, over the last minute; 0 in the first five seconds. */
  readonly rate: number;
}

export class TaskLoad implements Meter {
  readonly #environment: Environment;
  #reported: number | null = null;
  #stepMs: number;
  #count = 0;
  #rate: number | null = null;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#stepMs = environment.monoMs();
  }

  /** @throws RangeError */
  report(load: number): void {
    checkAmount("report the load", load);
    this.#reported = load;
  }

  /** @throws RangeError */
  mark(count = 1): void {
    checkAmount("mark the meter", count);
    this.#step();
    this.#count += count;
  }

  get rate(): number {
    this.#step();
    return this.#rate ?? 0;
  }

  /** What was reported last, else the meter's rate. */
  get value(): number {
    return this.#reported ?? this.rate;
  }

  #step(): void {
    const steps = Math.floor((this.#environment.monoMs() - this.#stepMs) / STEP_MS);
    if (steps <= 0) return;
    this.#stepMs += steps * STEP_MS;
    for (let step = 0; step < Math.min(steps, STEPS_MAX); step++) {
      const rate = this.#count * 1000 / STEP_MS;
      this.#count = 0;
      this.#rate = this.#rate === null ? rate : rate + (this.#rate - rate) * KEPT_PER_STEP;
    }
  }
}

/** @throws RangeError */
export function checkAmount(attempt: string, value: number): void {
  if (typeof value === "number" && value >= 0 && value < Infinity) return;
  throw new RangeError(`Cannot ${attempt}: it must be a number >= 0, got ${String(value)}`);
}
