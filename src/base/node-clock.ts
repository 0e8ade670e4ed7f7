/**
 * The clocks of a node. The lease clock is the monotonic one plus every jump ahead that the wall clock or
 * the uptime shows against it, so that a suspended machine does not think that its leases still hold. It
 * errs only ahead: leases then end early, never late.
 */
import type { Clock } from "../protocol/model/contract.ts";
import { systemEnvironment } from "./environment.ts";

export interface ClockSource {
  monoMs(): number;
  wallMs(): number;
  uptimeMs(): number;
}

/** Date.now() has a resolution of 1 ms; anything above this is a jump. */
const WALL_NOISE_MS = 5;
/** os.uptime() comes in steps of 10 ms, or of a second. */
const UPTIME_NOISE_MS = 50;
const UPTIME_NOISE_WHOLE_SECONDS_MS = 1050;
/** Reading the uptime is a system call: not in every turn. */
const UPTIME_EVERY_MS = 250;
/** More between two readings of the monotonic clock: the process stood still, the wall clock says nothing. */
const READ_GAP_MS = 1;

/** How far one clock is ahead of the monotonic one, against its lowest lead so far. */
class Lead {
  #baseMs: number;

  constructor(leadMs: number) {
    this.#baseMs = leadMs;
  }

  /** The jump ahead, or 0; the base follows. */
  jumpMs(leadMs: number, noiseMs: number): number {
    const aheadMs = leadMs - this.#baseMs;
    if (aheadMs > 0 && aheadMs <= noiseMs) return 0;
    this.#baseMs = leadMs;
    return Math.max(0, aheadMs);
  }
}

export class NodeClock {
  readonly #source: ClockSource;
  readonly #wall: Lead;
  readonly #uptime: Lead;
  #jumpsMs = 0;
  #uptimeAtMs = 0;
  #lastMonoMs = -Infinity;

  constructor(source: ClockSource = systemEnvironment) {
    this.#source = source;
    const monoMs = source.monoMs();
    this.#wall = new Lead(source.wallMs() - monoMs);
    this.#uptime = new Lead(source.uptimeMs() - monoMs);
    this.#uptimeAtMs = monoMs;
  }

  /** How far the lease clock is ahead of the monotonic one: by all jumps together. */
  get jumpsMs(): number {
    return this.#jumpsMs;
  }

  /** All three clocks, now. */
  read(): Clock {
    const beforeMs = this.#source.monoMs();
    const wallMs = this.#source.wallMs();
    const monoMs = Math.max(this.#source.monoMs(), this.#lastMonoMs);
    this.#lastMonoMs = monoMs;
    if (monoMs - beforeMs <= READ_GAP_MS) this.#compare(monoMs, wallMs);
    return { monoMs, leaseMs: monoMs + this.#jumpsMs, wallMs };
  }

  #compare(monoMs: number, wallMs: number): void {
    let jumpMs = this.#wall.jumpMs(wallMs - monoMs, WALL_NOISE_MS);
    if (jumpMs > 0 || monoMs - this.#uptimeAtMs >= UPTIME_EVERY_MS) {
      jumpMs = Math.max(jumpMs, this.#uptimeJumpMs());
    }
    this.#jumpsMs += jumpMs;
  }

  #uptimeJumpMs(): number {
    const beforeMs = this.#source.monoMs();
    const uptimeMs = this.#source.uptimeMs();
    const afterMs = this.#source.monoMs();
    // held up in between: the next turn tries again
    if (afterMs - beforeMs > READ_GAP_MS) return 0;
    this.#uptimeAtMs = afterMs;
    const noiseMs = uptimeMs % 1000 === 0 ? UPTIME_NOISE_WHOLE_SECONDS_MS : UPTIME_NOISE_MS;
    return this.#uptime.jumpMs(uptimeMs - afterMs, noiseMs);
  }
}
