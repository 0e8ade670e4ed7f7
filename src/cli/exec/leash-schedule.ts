/**
 * When one command on the leash may start, is asked to end and is ended: pure, no processes and no clock of
 * its own; all times are of the peer's lease clock. SIGTERM comes `marginMs` before the lease ends,
 * SIGKILL just before its end, unless it is renewed; a stop brings both forward and is never undone.
 */

/** SIGKILL leaves so long before the end that a command is given, for the kernel to deliver it. */
export const KILL_LEAD_MS = 30;

export type Due = "none" | "term" | "kill";

export class LeashSchedule {
  readonly #marginMs: number;
  #deadlineMs: number;
  #killAtMs: number;
  #phase: "running" | "terminating" | "killed" = "running";

  constructor(deadlineMs: number, marginMs: number) {
    this.#marginMs = marginMs;
    this.#deadlineMs = deadlineMs;
    this.#killAtMs = deadlineMs - KILL_LEAD_MS;
  }

  /** Whether it may begin: it was not stopped, and its lease does not end within the margin. */
  mayStart(nowMs: number): boolean {
    return this.#phase === "running" && nowMs < this.#termAtMs;
  }

  /** Whether it was signalled, or is to be at the next `due`. */
  get stopping(): boolean {
    return this.#phase !== "running";
  }

  get killed(): boolean {
    return this.#phase === "killed";
  }

  renew(deadlineMs: number): void {
    if (this.#phase !== "running") return;
    this.#deadlineMs = deadlineMs;
    this.#killAtMs = deadlineMs - KILL_LEAD_MS;
  }

  /** SIGTERM is sent by the caller now; it has until `endMs`, or less when its lease ends sooner. */
  stop(endMs: number): void {
    this.#killAtMs = Math.min(this.#killAtMs, endMs - KILL_LEAD_MS);
    if (this.#phase === "running") this.#phase = "terminating";
  }

  /** What is to be sent now. Each signal is due once. */
  due(nowMs: number): Due {
    if (this.#phase === "killed") return "none";
    if (nowMs >= this.#killAtMs) {
      this.#phase = "killed";
      return "kill";
    }
    if (this.#phase === "running" && nowMs >= this.#termAtMs) {
      this.#phase = "terminating";
      return "term";
    }
    return "none";
  }

  /** Milliseconds until `due` has something to say; Infinity when it never will. */
  waitMs(nowMs: number): number {
    if (this.#phase === "killed") return Infinity;
    return Math.max(0, (this.#phase === "running" ? this.#termAtMs : this.#killAtMs) - nowMs);
  }

  get #termAtMs(): number {
    return this.#deadlineMs - this.#marginMs;
  }
}
