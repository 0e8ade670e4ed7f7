/** What the drills share: a report with checks, waiting, and a directory for the beats. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Report {
  readonly #startMs = performance.now();
  #failed = 0;

  say(text: string): void {
    console.log(`${((performance.now() - this.#startMs) / 1000).toFixed(2).padStart(6)} s  ${text}`);
  }

  check(claim: string, holds: boolean, seen = ""): void {
    if (!holds) this.#failed += 1;
    this.say(`${holds ? "ok  " : "FAIL"}  ${claim}${seen === "" ? "" : `: ${seen}`}`);
  }

  get exitCode(): number {
    return this.#failed === 0 ? 0 : 1;
  }
}

/** Runs a show, reports what it threw, and ends the process with its exit code. */
export async function runShow(
  title: string,
  show: (report: Report, directory: string) => Promise<void>,
): Promise<void> {
  const report = new Report();
  const directory = mkdtempSync(join(tmpdir(), "stolos-show-"));
  console.log(`# ${title}`);
  try {
    await show(report, directory);
  } catch (error) {
    report.check(error instanceof Error ? error.stack ?? error.message : String(error), false);
  }
  rmSync(directory, { recursive: true, force: true });
  report.say(report.exitCode === 0 ? "passed" : "FAILED");
  process.exit(report.exitCode);
}

export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** For what is to happen, however busy the machine is: nobody waits for so long unless it never does. */
export const PATIENCE_MS = 60_000;

/** Looks every `everyMs` until it is true; false when it is not within `withinMs`. */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  withinMs: number = PATIENCE_MS,
  everyMs = 50,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!await isTrue()) {
    if (performance.now() > deadline) return false;
    await delay(everyMs);
  }
  return true;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
