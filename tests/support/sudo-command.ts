/**
 * A command that runs as root under sudo, writes down that it lives, and may ignore SIGTERM; seen and ended
 * from outside, whoever runs it.
 */
import { readFileSync } from "node:fs";
import { delay, eventually } from "./drill.ts";

const BEAT_MS = 50;
const NS_PER_MS = 1_000_000n;

interface Beat {
  readonly pid: number;
  readonly atMs: number;
}

export class SudoCommand implements Disposable {
  readonly argv: readonly string[];
  readonly #file: string;

  /** `file` is where its beats go, with who wrote them. */
  constructor(file: string, how: "stubborn" | "obedient") {
    this.#file = file;
    const trap = how === "stubborn" ? "trap '' TERM; " : "";
    const loop = `while :; do echo $$ $(date +%s%N) >> "$0"; sleep ${BEAT_MS / 1000}; done`;
    this.argv = ["sudo", "-n", "sh", "-c", `${trap}${loop}`, file];
  }

  #beats(): Beat[] {
    let text = "";
    try {
      text = readFileSync(this.#file, "utf8");
    } catch { /* it has not begun */ }
    // The last line may not be whole yet.
    return text.split("\n").slice(0, -1).map((line) => {
      const [pid, ns = "0"] = line.split(" ");
      return { pid: Number(pid), atMs: Number(BigInt(ns) / NS_PER_MS) };
    });
  }

  /** One process for each attempt, in the order of their starts. */
  get attempts(): number[] {
    return [...new Set(this.#beats().map(({ pid }) => pid))];
  }

  /** When the attempt with that process was seen last; ms since the epoch. */
  lastBeatMs(pid: number): number {
    return Math.max(0, ...this.#beats().filter((beat) => beat.pid === pid).map(({ atMs }) => atMs));
  }

  firstBeatMs(pid: number): number {
    return this.#beats().find((beat) => beat.pid === pid)?.atMs ?? 0;
  }

  /** Resolves with the process of the attempt of that number. */
  async attempt(number: number, withinMs: number): Promise<number> {
    await eventually(() => this.attempts.length >= number, withinMs);
    const pid = this.attempts[number - 1];
    if (pid === undefined) throw new Error(`Cannot see attempt ${number}: not begun within ${withinMs} ms`);
    return pid;
  }

  /** False when the attempt ends, or another begins, within that time. */
  async livesAlone(pid: number, ms: number): Promise<boolean> {
    const untilMs = Date.now() + ms;
    await delay(ms);
    const isAlive = await eventually(() => this.lastBeatMs(pid) >= untilMs, 10_000);
    return isAlive && this.attempts.at(-1) === pid;
  }

  /** The group that the attempt belongs to. */
  groupOf(pid: number): number {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[2]);
  }

  /** Ends one attempt, as root. */
  end(pid: number): void {
    try {
      process.kill(pid, "SIGKILL");
    } catch { /* it has ended */ }
  }

  /** Ends every attempt that was seen a moment ago. */
  [Symbol.dispose](): void {
    for (const pid of this.attempts) if (Date.now() - this.lastBeatMs(pid) < 1000) this.end(pid);
  }
}
