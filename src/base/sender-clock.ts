/**
 * Turns "so many ms left when I sent this" of another process or thread into an instant that is never later
 * than meant. Instants are of the sender's monotonic clock plus the jumps of the lease clock
 * (node-clock.ts). Both monotonic clocks tick alike, so their difference is a constant; the smallest
 * (receipt − send) ever seen bounds it from above by the fastest delivery. So what waited on its way gains
 * nothing, and a faster delivery brings forward what was set before. Nor does anything gain that waited while
 * the machine was suspended.
 */
import { type ClockSource, NodeClock } from "./node-clock.ts";

/**
 * When something was sent, on the sender's monotonic clock. It is read before the durations that are counted
 * from it, so that a stop in between only shortens them.
 */
export interface Stamp {
  readonly sentMs: number;
}

/** What is left of a lease, counted from the stamp. */
export interface LeaseStamp extends Stamp {
  readonly remainingMs: number;
}

/** Jumps that follow each other so closely are one: lines from before the first may still wait. */
const ONE_JUMP_MS = 1000;

export class SenderClock {
  readonly #clock: NodeClock;
  /** Upper bound of (my monotonic clock − the sender's). */
  #offsetMs = Infinity;
  /** When the last jump was seen, monotonic, and what all jumps before it were together. */
  #jump = { seenMs: -Infinity, beforeMs: 0 };

  constructor(source: ClockSource) {
    this.#clock = new NodeClock(source);
  }

  /** The sender's lease clock, at least; -Infinity before anything was heard. */
  nowMs(): number {
    return this.#read().leaseMs - this.#offsetMs;
  }

  /** Call for whatever was sent when it is read. */
  heard({ sentMs }: Stamp): void {
    this.#offsetMs = Math.min(this.#offsetMs, this.#read().monoMs - sentMs);
  }

  /** When what was `remainingMs` away at `sentMs` comes. */
  deadlineMs({ sentMs, remainingMs }: LeaseStamp): number {
    const atMs = sentMs + this.#offsetMs;
    const jumpsMs = atMs < this.#jump.seenMs ? this.#jump.beforeMs : this.#clock.jumpsMs;
    return sentMs + jumpsMs + remainingMs;
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
