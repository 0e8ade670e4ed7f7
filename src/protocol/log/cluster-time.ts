/**
 * The time of day that counts in one term of one partition: the latest that a majority of its keepers' clocks
 * have reached (of two the earlier one), and never less than the log has. It runs with the steward's
 * monotonic clock meanwhile, so a keeper that falls silent does not hold it up.
 */
import type { Context } from "../context/context.ts";
import type { MemberNo } from "../model/types.ts";

/** Ahead of what the clocks can show it goes slowly until they are there: it neither stops nor goes back. */
const SLOW_RATE = 0.5;

/**
 * The least that the cluster's time is, at a keeper that is not the steward: what it saw last in the log, and
 * what has passed since, if its own clock is as fast as may be. A term begins there when too few clocks are
 * heard to say more.
 */
export class TimeFloor {
  readonly #context: Context;
  #timeMs = 0;
  #monoMs = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  get nowMs(): number {
    const { clock, options } = this.#context;
    return this.#timeMs + (clock.monoMs - this.#monoMs) * (1 - options.clockRateBound);
  }

  note(timeMs: number): void {
    if (timeMs <= this.#timeMs || (this.#timeMs > 0 && timeMs <= this.nowMs)) return;
    this.#timeMs = timeMs;
    this.#monoMs = this.#context.clock.monoMs;
  }
}

/** Clocks that are reported are behind by more than what is known of them may be late. */
const BEHIND_MS = 2000;

export class ClusterTime {
  readonly #context: Context;
  readonly #keepers: readonly MemberNo[];
  /** Where it was when it was looked at last, and this node's monotonic time then. */
  #timeMs: number;
  #monoMs: number;

  /** `floorMs`: it is at least that. */
  constructor(context: Context, keepers: readonly MemberNo[], floorMs: number) {
    this.#context = context;
    this.#keepers = keepers;
    this.#monoMs = context.clock.monoMs;
    this.#timeMs = Math.max(floorMs, context.wallClocks.boundsOf(keepers).reachedMs);
  }

  get nowMs(): number {
    const { monoMs } = this.#context.clock;
    const passedMs = monoMs - this.#monoMs;
    if (passedMs > 0) {
      const { reachedMs, possibleMs } = this.#context.wallClocks.boundsOf(this.#keepers);
      const slowMs = Math.max(this.#timeMs + passedMs * SLOW_RATE, possibleMs);
      this.#timeMs = Math.max(Math.min(this.#timeMs + passedMs, slowMs), reachedMs);
      this.#monoMs = monoMs;
    }
    return Math.floor(this.#timeMs);
  }

  /** Keepers that are heard and whose clocks are behind what most may show. */
  *#behind(): Iterable<{ readonly no: MemberNo; readonly behindMs: number }> {
    const { wallClocks } = this.#context;
    const { possibleMs } = wallClocks.boundsOf(this.#keepers);
    for (const no of this.#keepers) {
      const behindMs = possibleMs - wallClocks.reachedMs(no);
      if (behindMs > BEHIND_MS && behindMs < Infinity && !wallClocks.isSilent(no)) yield { no, behindMs };
    }
  }

  /** Reports clocks that are behind. */
  review(): void {
    for (const { no, behindMs } of this.#behind()) this.#context.wallClocks.reportBehind(no, behindMs);
  }

  /** In words, while a clock that is behind may delay what waits for a time of day; "" when none can. */
  get trouble(): string {
    const { wallClocks } = this.#context;
    const silent = this.#keepers.find((no) => wallClocks.isSilent(no));
    if (silent === undefined) return "";
    const nameOf = (no: MemberNo): string => `node "${this.#context.nameOf(no)}"`;
    for (const { no, behindMs } of this.#behind()) {
      const seconds = Math.round(behindMs / 1000);
      return `the clock of ${nameOf(no)} is ${seconds} s behind and ${
        nameOf(silent)
      } is silent: it may be late`;
    }
    return "";
  }
}
