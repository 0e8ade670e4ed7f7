/** Order of ballots and of log ends. Lamport's order: configuration, counter, node, boot. */
import type { Ballot, LogEnd } from "./types.ts";

/** Negative, zero or positive as `a` is below, equal to or above `b`; null is below everything. */
export function compareBallots(a: Ballot | null, b: Ballot | null): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a.cfg - b.cfg || a.counter - b.counter || a.node - b.node || a.boot - b.boot;
}

export function isSameBallot(a: Ballot | null, b: Ballot | null): boolean {
  return compareBallots(a, b) === 0;
}

/** Which of two logs is more up to date: the ballot of its last entry decides, then its length. */
export function compareLogEnds(a: LogEnd, b: LogEnd): number {
  return compareBallots(a.ballot, b.ballot) || a.index - b.index;
}

export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** The `majority`-th largest of the values: what a majority has reached. */
export function majorityReached(values: ArrayLike<number>): number {
  const n = values.length;
  if (n === 1) return values[0]!;
  if (n === 3) {
    const [a, b, c] = [values[0]!, values[1]!, values[2]!];
    return a > b ? (b > c ? b : a > c ? c : a) : (a > c ? a : b > c ? c : b);
  }
  const sorted = Array.from(values).sort((x, y) => y - x);
  return sorted[majorityOf(n) - 1]!;
}
