/** The progress that an attempt reports: the newest value, recorded once a second at most. */
import type { Environment, TimerHandle } from "../base/environment.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import { encodeValue } from "../task/values.ts";

const EVERY_MS = 1000;

export class Progress {
  readonly #environment: Environment;
  readonly #record: (value: Uint8Array) => void;
  #newest: Uint8Array | null = null;
  #timer: TimerHandle | null = null;

  constructor(environment: Environment, record: (value: Uint8Array) => void) {
    this.#environment = environment;
    this.#record = record;
  }

  /** @throws TypeError, RangeError for what cannot be stored */
  report(value: unknown): void {
    const bytes = encodeProgress(value);
    if (this.#timer !== null) {
      this.#newest = bytes;
      return;
    }
    this.#record(bytes);
    this.#timer = this.#environment.setTimeout(() => this.#again(), EVERY_MS);
  }

  #again(): void {
    this.#timer = null;
    const newest = this.#newest;
    if (newest === null) return;
    this.#newest = null;
    this.#record(newest);
    this.#timer = this.#environment.setTimeout(() => this.#again(), EVERY_MS);
  }

  /** The attempt ends: what was reported last is recorded. */
  close(isLost: boolean): void {
    if (this.#timer !== null) this.#environment.clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#newest !== null && !isLost) this.#record(this.#newest);
    this.#newest = null;
  }
}

/** @throws TypeError, RangeError for what cannot be stored */
export function encodeProgress(value: unknown): Uint8Array {
  const bytes = encodeValue(value, "progress");
  if (bytes.length <= LIMITS.progressBytesMax) return bytes;
  throw new RangeError(
    `Cannot encode progress: it may have ${LIMITS.progressBytesMax} bytes, got ${bytes.length}`,
  );
}
