/**
 * The time of day that counts in one term of one partition: the latest that a majority of its keepers' clocks
 * have reached (of two the earlier one), and never less than the log has. It runs with the steward's
 * monotonic clock meanwhile, so a keeper that falls silent does not hold it up.
 */
import type { Context } from "../context/context.ts";
import type { MemberNo } from "../model/types.ts";

/** Ahead of what the clocks can show it goes slowly until they are there: it neither stops nor goes back. */
const SLOW_RATE = 0.5;

/** The time went ahead by more than has passed: it had been held back, or the steward had stood still. */
interface Skip {
  /** What ended up to then had ended before. */
  readonly fromMs: number;
  readonly byMs: number;
}

/** Less is the way that a report takes. */
const SKIP_MS_MIN = 200;
const SKIPS_MAX = 32;

/**
 * The least that the cluster's time is, at a keeper that is not the steward: what it saw last in the log, and
 * what has passed since, if its own clock is as fast as may be. A term begins there when too few clocks are
 * heard to say more. And how long ago something was, by the log and by this node's own clock.
 */
export class TimeFloor {
  readonly #context: Context;
  #timeMs = 0;
  #monoMs = 0;
  /** Since then it sees times when they come into the log: what is older than the clocks was on its way. */
  #followed: { readonly timeMs: number; readonly monoMs: number } | null = null;
  readonly #skips: Skip[] = [];

  constructor(context: Context) {
    this.#context = context;
  }

  get nowMs(): number {
    const { clock, options } = this.#context;
    return this.#timeMs + (clock.monoMs - this.#monoMs) * (1 - options.clockRateBound);
  }

  /** `reachedMs`: by the clocks of the keepers, as far as they are heard. */
  note(timeMs: number, reachedMs: () => number): void {
    if (timeMs <= this.#timeMs || (this.#timeMs > 0 && timeMs <= this.nowMs)) return;
    const { clock, options } = this.#context;
    const passedMs = (clock.monoMs - this.#monoMs) * (1 + options.clockRateBound);
    if (this.#followed) this.#noteSkip({ fromMs: this.#timeMs, byMs: timeMs - this.#timeMs - passedMs });
    this.#timeMs = timeMs;
    this.#monoMs = clock.monoMs;
    if (!this.#followed && timeMs >= reachedMs() - SKIP_MS_MIN) this.#follow();
  }

  /** In a term of this node the time went ahead to `toMs`, though so much less had passed. */
  skipped(skip: Skip, toMs: number): void {
    this.#noteSkip(skip);
    this.#timeMs = toMs;
    this.#monoMs = this.#context.clock.monoMs;
    if (!this.#followed) this.#follow();
  }

  #follow(): void {
    this.#followed = { timeMs: this.#timeMs, monoMs: this.#monoMs };
  }

  #noteSkip(skip: Skip): void {
    if (skip.byMs <= SKIP_MS_MIN) return;
    this.#skips.push(skip);
    if (this.#skips.length > SKIPS_MAX) this.#skips.shift();
  }

  /**
   * How long before `nowMs` something was, at least. `behindMs`: by so much a clock may have held the time
   * back before this node followed the log.
   */
  sinceMs(timeMs: number, nowMs: number, behindMs: number): number {
    const skippedMs = this.#skips.reduce((sum, { fromMs, byMs }) => fromMs >= timeMs ? sum + byMs : sum, 0);
    const sinceMs = nowMs - timeMs - skippedMs;
    if (this.#followed && timeMs > this.#followed.timeMs) return sinceMs;
    const followedMs = this.#followed ? this.#context.clock.monoMs - this.#followed.monoMs : 0;
    return Math.max(sinceMs - behindMs, Math.min(sinceMs, followedMs));
  }
}

/** Clocks that are reported are behind by more than what is known of them may be late. */
const BEHIND_MS = 2000;

export class ClusterTime {
  readonly #context: Context;
  readonly #keepers: readonly MemberNo[];
  readonly #floor: TimeFloor;
  /** Where it was when it was looked at last, and this node's monotonic time then. */
  #timeMs: number;
  #monoMs: number;

  /** `floorMs`: it is at least that. */
  constructor(context: Context, keepers: readonly MemberNo[], floorMs: number, floor: TimeFloor) {
    this.#context = context;
    this.#keepers = keepers;
    this.#floor = floor;
    this.#monoMs = context.clock.monoMs;
    const { reachedMs } = context.wallClocks.boundsOf(keepers);
    this.#timeMs = Math.max(floorMs, reachedMs);
    floor.note(this.#timeMs, () => reachedMs);
  }

  get nowMs(): number {
    const { monoMs } = this.#context.clock;
    const passedMs = monoMs - this.#monoMs;
    if (passedMs > 0) {
      const { reachedMs, possibleMs } = this.#context.wallClocks.boundsOf(this.#keepers);
      const slowMs = Math.max(this.#timeMs + passedMs * SLOW_RATE, possibleMs);
      const expectedMs = Math.min(this.#timeMs + passedMs, slowMs);
      const fromMs = this.#timeMs;
      if (reachedMs > expectedMs + SKIP_MS_MIN) {
        this.#floor.skipped({ fromMs, byMs: reachedMs - fromMs - passedMs }, reachedMs);
      }
      this.#timeMs = Math.max(expectedMs, reachedMs);
      this.#monoMs = monoMs;
    }
    return Math.floor(this.#timeMs);
  }

  /**
   * How long ago that was, at least: what was in the log while it was held back is as long ago as it is, and
   * no longer when the time catches up.
   */
  sinceMs(timeMs: number): number {
    let worstMs = 0;
    for (const { behindMs } of this.#behind()) worstMs = Math.max(worstMs, behindMs);
    return this.#floor.sinceMs(timeMs, this.nowMs, worstMs);
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
