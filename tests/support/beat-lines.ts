/** What the beats of many lives say against the promises: fences, attempts, runs after the end. */
import type { Attempt } from "../../examples/demo/tally.ts";

export interface BeatLine {
  readonly task: string;
  readonly kind: string;
  readonly fence: bigint;
  readonly attempt: number;
  readonly ns: bigint;
}

export interface BeatProblems {
  readonly fences: readonly string[];
  readonly attempts: readonly string[];
  /** Runs that began although an earlier one was recorded as done. */
  readonly again: readonly string[];
  readonly twice: readonly string[];
  readonly runs: readonly Attempt[];
}

/** One file's lines; a half-written last one is left out. */
export function readBeatLines(text: string): BeatLine[] {
  return text.split("\n").slice(0, -1).map((line) => {
    const [task = "", kind = "", fence = "", attempt = "", ns = ""] = line.split(" ");
    return { task, kind, fence: BigInt(fence), attempt: Number(attempt), ns: BigInt(ns) };
  });
}

/** `doneById`: the fences of all completions that peers have announced. */
export function beatProblems(
  lines: readonly BeatLine[],
  doneById: ReadonlyMap<string, readonly string[]>,
): BeatProblems {
  const [fences, attempts, again, twice]: [string[], string[], string[], string[]] = [[], [], [], []];
  const runs: Attempt[] = [];
  for (const [task, own] of Map.groupBy(lines, (line) => line.task)) {
    const inOrder = own.toSorted((a, b) => a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0);
    const starts = inOrder.filter(({ kind }) => kind === "start");
    starts.forEach(({ fence, attempt }, at) => {
      const before = starts[at - 1];
      if (before && fence <= before.fence) fences.push(`${task}: ${fence} after ${before.fence}`);
      if (before && attempt <= before.attempt) attempts.push(`${task}: ${attempt} after ${before.attempt}`);
    });
    const done = doneById.get(task) ?? [];
    if (done.length > 1) twice.push(`${task}: fences ${done.join(" ")}`);
    const last = starts.at(-1);
    const doneFence = done[0];
    if (last && doneFence !== undefined && last.fence > BigInt(doneFence)) {
      again.push(`${task}: fence ${last.fence} after ${doneFence} was done`);
    }
    for (const [fence, beats] of Map.groupBy(inOrder, (line) => line.fence)) {
      const [first, end] = [beats[0]!, beats.at(-1)!];
      const isEnded = beats.some(({ kind }) => kind === "end");
      runs.push({ task, fence, attempt: first.attempt, firstNs: first.ns, lastNs: end.ns, isEnded });
    }
  }
  return { fences, attempts, again, twice, runs };
}
