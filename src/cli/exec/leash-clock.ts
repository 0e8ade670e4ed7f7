/**
 * Turns "so many ms left when I sent this" of one process into an instant on another process's lease clock
 * (base/node-clock.ts), never later than meant. Both monotonic clocks tick alike, so their difference is a
 * constant; the smallest (receipt − send) ever seen bounds it from above by the fastest delivery, and a line
 * that waited in the pipe gains nothing. Nor does one that waited while the machine was suspended.
 */
import { type ClockSource, NodeClock } from "../../base/node-clock.ts";

/** Jumps that follow each other so closely are one: lines from before the first may still wait. */
const ONE_JUMP_MS = 1000;

export class LeashClock {
  readonly #clock: NodeClock;
  /** Upper bound of (my monotonic clock − the sender's). */
  #offsetMs = Infinity;
  /** When the last jump was seen, monotonic, and what all jumps before it were together. */
  #jump = { seenMs: -Infinity, beforeMs: 0 };

  constructor(source: ClockSource) {
    this.#clock = new NodeClock(source);
  }

  /** The lease clock. */
  nowMs(): number {
    return this.#read().leaseMs;
  }

  /** Call for every line when it is read. */
  heard(sentMs: number): void {
    this.#offsetMs = Math.min(this.#offsetMs, this.#read().monoMs - sentMs);
  }

  /** When a deadline that was `remainingMs` away at `sentMs` comes, on the lease clock. */
  deadlineMs(sentMs: number, remainingMs: number): number {
    const atMs = sentMs + this.#offsetMs;
    const jumpsMs = atMs < this.#jump.seenMs ? this.#jump.beforeMs : this.#clock.jumpsMs;
    return atMs + jumpsMs + remainingMs;
  }

  #read(): { readonly monoMs: number; readonly leaseMs: number } {
    const beforeMs = this.#clock.jumpsMs;
    const read = this.#clock.read();
    if (this.#clock.jumpsMs > beforeMs) {
      const isOne = read.monoMs - this.#jump.seenMs < ONE_JUMP_MS;
      this.#jump = { seenMs: read.monoMs, beforeMs: isOne ? this.#jump.beforeMs : beforeMs };
    }
    return read;
  }
}
