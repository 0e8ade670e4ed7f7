/**
 * The three clocks of one virtual node. All run at the node's own rate; offsets mean nothing. A suspend stops
 * the monotonic clock but not the lease clock; wall clocks jump both ways.
 */
import type { Clock } from "../protocol/model/contract.ts";
import type { Rng } from "../testing/rng.ts";

/** What right wall clocks show when a run begins. */
export const WALL_START_MS = 1_800_000_000_000;

/** Right wall clocks are at most so far from the truth. */
export const WALL_SPREAD_MS = 40;

/** How wrong a wall clock may be: by seconds, by hours, by a day, by as long as tasks are remembered. */
export function drawnWallError(rng: Rng, retentionMs: number): number {
  return rng.pick([3000, 600_000, 2 * 3_600_000, 86_400_000, 1.1 * retentionMs]);
}

export class VirtualClock {
  /** Node ms per true ms. */
  readonly rate: number;
  #monoOffsetMs = 0;
  #leaseOffsetMs = 0;
  #leaseAheadMs = 0;
  #wallOffsetMs = 0;
  /** What setting the clock does not mend. */
  #wallErrorMs = 0;
  #wasWallWrong = false;

  constructor(rng: Rng, drift: number) {
    this.rate = 1 + rng.range(-1, 1) * drift * 0.98;
    this.reboot(rng);
  }

  /** A machine that starts again counts from anywhere. */
  reboot(rng: Rng): void {
    this.#monoOffsetMs = rng.range(0, 100_000);
    this.#leaseOffsetMs = rng.range(0, 100_000);
  }

  read(nowMs: number): Clock {
    const ranMs = nowMs * this.rate;
    return {
      monoMs: this.#monoOffsetMs + ranMs,
      leaseMs: this.#leaseOffsetMs + ranMs,
      wallMs: Math.floor(WALL_START_MS + nowMs + this.#wallOffsetMs + this.#wallErrorMs),
    };
  }

  leaseMs(nowMs: number): number {
    return this.#leaseOffsetMs + nowMs * this.rate;
  }

  /** True ms until the monotonic clock shows `monoMs`. */
  untilMs(nowMs: number, monoMs: number): number {
    return (monoMs - this.#monoOffsetMs) / this.rate - nowMs;
  }

  /** The machine slept for `ms` of true time: its monotonic clock did not count. */
  suspended(ms: number): void {
    this.#monoOffsetMs -= ms * this.rate;
  }

  jumpLease(ms: number): void {
    this.#leaseOffsetMs += ms;
    this.#leaseAheadMs += ms;
  }

  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
    this.#wasWallWrong = true;
  }

  /** From now on it is wrong by so much, for good. */
  setWallError(ms: number): void {
    this.#wallErrorMs = ms;
    this.#wasWallWrong ||= Math.abs(ms) > WALL_SPREAD_MS;
  }

  /** By all jumps that were no suspension. */
  get leaseAheadMs(): number {
    return this.#leaseAheadMs;
  }

  get wallErrorMs(): number {
    return this.#wallErrorMs;
  }

  /** It was at some time, by more than right clocks differ. */
  get wasWallWrong(): boolean {
    return this.#wasWallWrong;
  }

  syncWall(): void {
    this.#wallOffsetMs = 0;
  }
}
