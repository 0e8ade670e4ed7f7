/**
 * Turns "so many ms left when I sent this" of one process into an instant on another process's clocks, never
 * later than meant. Both monotonic clocks tick alike, so their difference is a constant; the smallest
 * (receipt − send) ever seen bounds it from above by the fastest delivery, and a line that waited in the pipe
 * gains nothing. The wall clock is carried beside it, because only it counts the time a machine is suspended.
 */
import type { Stamp } from "./leash-messages.ts";

/** An instant on both clocks of the supervisor; it has come when either says so. */
export interface Instant {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** Wall clocks are stepped by small amounts all the time; only more than this counts as time passed. */
const WALL_SLACK_MS = 250;

export class LeashClock {
  /** Upper bound of (my monotonic clock − the sender's). */
  #offsetMs = Infinity;

  /** Call for every line, with the monotonic time at which it was read. */
  heard(stamp: Stamp, nowMonoMs: number): void {
    this.#offsetMs = Math.min(this.#offsetMs, nowMonoMs - stamp.monoMs);
  }

  /** When a deadline that was `remainingMs` away at the stamp comes, on my clocks. */
  deadline(stamp: Stamp, remainingMs: number): Instant {
    return {
      monoMs: stamp.monoMs + this.#offsetMs + remainingMs,
      wallMs: stamp.wallMs + remainingMs + WALL_SLACK_MS,
    };
  }
}

/** Milliseconds until `instant`, 0 or less when it has come. */
export function untilMs(instant: Instant, now: Instant): number {
  return Math.min(instant.monoMs - now.monoMs, instant.wallMs - now.wallMs);
}

export function earlier(a: Instant, b: Instant): Instant {
  return { monoMs: Math.min(a.monoMs, b.monoMs), wallMs: Math.min(a.wallMs, b.wallMs) };
}

export function shift(instant: Instant, byMs: number): Instant {
  return { monoMs: instant.monoMs + byMs, wallMs: instant.wallMs + byMs };
}
