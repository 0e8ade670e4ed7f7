/**
 * What really ran, from nothing but what the tasks themselves wrote to disk under their fences: lines `task
 * kind fence attempt nanoseconds`, kind being start, beat or end. An attempt lasts from its first line to
 * its last; one that was killed ends with its last beat.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One attempt of one task, as it shows on disk. Times in ns since the epoch. */
export interface Attempt {
  readonly task: string;
  readonly fence: bigint;
  readonly attempt: number;
  firstNs: bigint;
  lastNs: bigint;
  isEnded: boolean;
}

export interface Tally {
  readonly submitted: number;
  /** Tasks with an attempt that came to its end. */
  readonly completed: number;
  /** Tasks that were started more than once. */
  readonly restarted: number;
  /** Tasks that ever ran twice at the same moment. */
  readonly overlapped: readonly string[];
  /** Tasks that came to no end. */
  readonly lost: readonly string[];
}

/** Reads every `.log` file of a directory. A half-written last line is left out. */
export function readAttempts(directory: string): Attempt[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(".log"));
  return parseAttempts(files.map((file) => readFileSync(join(directory, file), "utf8")).join(""));
}

export function parseAttempts(text: string): Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const line of text.split("\n").slice(0, -1)) {
    const [task = "", kind = "", fenceText = "", attemptText = "", timeText = ""] = line.split(" ");
    const [fence, at] = [BigInt(fenceText), BigInt(timeText)];
    const key = `${task} ${fence}`;
    const known = attempts.get(key) ??
      { task, fence, attempt: Number(attemptText), firstNs: at, lastNs: at, isEnded: false };
    known.firstNs = at < known.firstNs ? at : known.firstNs;
    known.lastNs = at > known.lastNs ? at : known.lastNs;
    known.isEnded ||= kind === "end";
    attempts.set(key, known);
  }
  return [...attempts.values()];
}

/** Compares what was submitted with what ran. */
export function tally(submitted: readonly string[], attempts: readonly Attempt[]): Tally {
  const byTask = Map.groupBy(attempts, (attempt) => attempt.task);
  const of = (task: string): readonly Attempt[] => byTask.get(task) ?? [];
  const lost = submitted.filter((task) => !of(task).some((attempt) => attempt.isEnded));
  return {
    submitted: submitted.length,
    completed: submitted.length - lost.length,
    restarted: submitted.filter((task) => of(task).length > 1).length,
    overlapped: submitted.filter((task) => hasOverlap(of(task))),
    lost,
  };
}

function hasOverlap(attempts: readonly Attempt[]): boolean {
  const inOrder = [...attempts].sort((a, b) => a.firstNs < b.firstNs ? -1 : a.firstNs > b.firstNs ? 1 : 0);
  let latestNs = -1n;
  for (const attempt of inOrder) {
    if (attempt.firstNs < latestNs) return true;
    if (attempt.lastNs > latestNs) latestNs = attempt.lastNs;
  }
  return false;
}
