/**
 * When one command on the leash is to be asked to end and when it is ended: pure, no processes and no
 * clocks of its own. SIGTERM comes `graceMs` before the lease ends, SIGKILL just before its end, unless it
 * is renewed; a stop brings both forward and is never undone.
 */
import { earlier, type Instant, shift, untilMs } from "./leash-clock.ts";

/** SIGKILL leaves so long before the lease ends, for the kernel to deliver it. */
export const KILL_LEAD_MS = 30;

export type Due = "none" | "term" | "kill";

export class LeashSchedule {
  readonly #graceMs: number;
  #deadline: Instant;
  #killAt: Instant;
  #phase: "running" | "terminating" | "killed" = "running";

  constructor(deadline: Instant, graceMs: number) {
    this.#graceMs = graceMs;
    this.#deadline = deadline;
    this.#killAt = shift(deadline, -KILL_LEAD_MS);
  }

  /** Whether it was signalled, or is to be at the next `due`. */
  get stopping(): boolean {
    return this.#phase !== "running";
  }

  get killed(): boolean {
    return this.#phase === "killed";
  }

  get graceMs(): number {
    return this.#graceMs;
  }

  renew(deadline: Instant): void {
    if (this.#phase !== "running") return;
    this.#deadline = deadline;
    this.#killAt = shift(deadline, -KILL_LEAD_MS);
  }

  /**
   * SIGTERM is sent by the caller now; SIGKILL follows after `graceMs`, or sooner when the lease ends
   * sooner.
   */
  stop(graceMs: number, now: Instant): void {
    const killAt = earlier(shift(now, graceMs), shift(this.#deadline, -KILL_LEAD_MS));
    this.#killAt = this.#phase === "running" ? killAt : earlier(killAt, this.#killAt);
    if (this.#phase === "running") this.#phase = "terminating";
  }

  /** What is to be sent now. Each signal is due once. */
  due(now: Instant): Due {
    if (this.#phase === "killed") return "none";
    if (untilMs(this.#killAt, now) <= 0) {
      this.#phase = "killed";
      return "kill";
    }
    if (this.#phase === "running" && untilMs(this.#termAt(), now) <= 0) {
      this.#phase = "terminating";
      return "term";
    }
    return "none";
  }

  /** Milliseconds until `due` has something to say; Infinity when it never will. */
  waitMs(now: Instant): number {
    if (this.#phase === "killed") return Infinity;
    return Math.max(0, untilMs(this.#phase === "running" ? this.#termAt() : this.#killAt, now));
  }

  #termAt(): Instant {
    return shift(this.#deadline, -this.#graceMs);
  }
}
