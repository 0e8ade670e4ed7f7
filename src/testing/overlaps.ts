/**
 * Whether two runs of one task were at work at the same time. A node that stood still is not blamed: what
 * runs there has the safety margin after it, to see its signal and stop.
 */
import type { Standstill, TaskRun } from "./run-log.ts";

const SHOWN_MAX = 3;

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Two runs of one task, the one with the smaller fence first, and when both were at work. */
export interface Overlap extends Interval {
  readonly earlier: TaskRun;
  readonly later: TaskRun;
}

/** Two runs of one task were at work at the same time. */
export class OverlapError extends Error {
  override readonly name: string = "OverlapError";
  readonly overlaps: readonly Overlap[];

  constructor(message: string, overlaps: readonly Overlap[]) {
    super(message);
    this.overlaps = overlaps;
  }
}

interface OverlapContext {
  readonly seed: number;
  readonly nowMs: number;
  readonly standstills: readonly Standstill[];
  /** What a handler has, after its node stood still, to stop. */
  readonly marginMs: number;
}

/** @throws OverlapError that names the task, the nodes, the fences and the times */
export function assertNoOverlap(runs: readonly TaskRun[], context: OverlapContext): void {
  const overlaps = overlapsOf(runs, context);
  if (overlaps.length === 0) return;
  const texts = overlaps.slice(0, SHOWN_MAX).map((each) => textOf(each, context.marginMs));
  if (overlaps.length > texts.length) texts.push(`and ${overlaps.length - texts.length} more`);
  throw new OverlapError(`Not once at a time (seed ${context.seed}): ${texts.join("\n")}`, overlaps);
}

/** All overlaps, in the order of the later run's start. */
function overlapsOf(runs: readonly TaskRun[], context: OverlapContext): readonly Overlap[] {
  const runsByTask = Map.groupBy(runs, ({ task }) => task);
  const overlaps: Overlap[] = [];
  for (const ofTask of runsByTask.values()) {
    for (const [at, one] of ofTask.entries()) {
      for (const other of ofTask.slice(at + 1)) {
        const common = commonOf(atWork(one, context), atWork(other, context));
        if (!common) continue;
        const [earlier, later] = one.fence <= other.fence ? [one, other] : [other, one];
        overlaps.push({ earlier, later, ...common });
      }
    }
  }
  return overlaps.sort((a, b) => a.later.startMs - b.later.startMs);
}

/** The times in which a run is answerable for what it does. */
function atWork(run: TaskRun, { nowMs, standstills, marginMs }: OverlapContext): readonly Interval[] {
  let pieces: Interval[] = [{ fromMs: run.startMs, toMs: run.endMs ?? nowMs }];
  for (const { node, fromMs, toMs } of standstills) {
    if (node !== run.node) continue;
    pieces = pieces.flatMap((piece) => [
      { fromMs: piece.fromMs, toMs: Math.min(piece.toMs, fromMs) },
      { fromMs: Math.max(piece.fromMs, toMs + marginMs), toMs: piece.toMs },
    ]).filter((piece) => piece.fromMs < piece.toMs);
  }
  return pieces;
}

function commonOf(some: readonly Interval[], others: readonly Interval[]): Interval | null {
  for (const a of some) {
    for (const b of others) {
      const [fromMs, toMs] = [Math.max(a.fromMs, b.fromMs), Math.min(a.toMs, b.toMs)];
      if (fromMs < toMs) return { fromMs, toMs };
    }
  }
  return null;
}

function textOf(overlap: Overlap, marginMs: number): string {
  const { earlier, later, fromMs, toMs } = overlap;
  return [
    `task ${JSON.stringify(later.task)} ran twice at once from ${ms(fromMs)} to ${ms(toMs)}:`,
    `  ${runText(earlier)}`,
    `  ${runText(later)}`,
    `  ${advice(earlier, marginMs)}`,
  ].join("\n");
}

function runText({ node, fence, startMs, endMs, end, abortedMs }: TaskRun): string {
  const until = endMs === null ? "and still runs" : `to ${ms(endMs)} (${end})`;
  const aborted = abortedMs === null ? "" : `; its signal aborted at ${ms(abortedMs)}`;
  return `node ${node}, fence ${fence}: from ${ms(startMs)} ${until}${aborted}`;
}

function advice({ abortedMs, endMs }: TaskRun, marginMs: number): string {
  const went = abortedMs === null
    ? "The signal of the first of them never aborted"
    : `The first of them went on ${
      endMs === null ? "" : `for ${ms(endMs - abortedMs)} `
    }after its signal aborted`;
  return `${went}: a handler stops within ${marginMs} ms of ctx.signal, or the place that it writes to ` +
    "refuses smaller fences (ctx.fence).";
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
