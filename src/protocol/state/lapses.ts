/**
 * What becomes of a task whose node died while it ran. A task that kills its nodes must not kill the cluster,
 * and none that merely loses its nodes may fail for it: docs/protocol.md has the argument. Which tasks wait,
 * and where those on probation may run, is the business of steward and holder; the record says what they are.
 */
import { LIMITS } from "../model/limits.ts";
import type { Lapse, MemberNo, Settlement, TaskRecord } from "../model/types.ts";

/** By default; an option of the task. */
export const LAPSES_MAX = 5;
/** Younger attempts are suspected of the death that ended them. */
const YOUNG_MS = 5000;
/** An attempt that has run for so long, or has stored a checkpoint, is none that kills its node. */
export const PROVEN_MS = 30_000;
/** So many lapses that count in succession put a task on probation. */
const PROBATION_AFTER = 2;
/**
 * Before each attempt on probation, by how many lapses are charged. Whatever lost its node together with the
 * task has proved to be harmless before the task starts again, the first time also after a suspect's wait
 * of its own: no death of the task's doing is the second of theirs.
 */
const PAUSES_MS = [95_000, 35_000, 35_000, 60_000, 300_000] as const;
/** A task that may have killed its node waits for others to be there, but no longer than this. */
export const SUSPECT_MS_MAX = 60_000;

/** How a session ended that was not heard any more. */
export interface SessionEnd {
  readonly atMs: number;
  /** 0: nobody is left who knows. */
  readonly heardAtMs: number;
  readonly isDead: boolean;
}

/** One such task at a time runs on a node beside those that are not. */
export function isOnProbation({ lapsesInSuccession }: TaskRecord): boolean {
  return lapsesInSuccession >= PROBATION_AFTER;
}

/** Its last attempt died young, or it is on probation: it may have killed its node. Null: neither. */
export function suspicionOf(record: TaskRecord): Lapse | null {
  if (record.lapsesInSuccession === 0) return null;
  const last = record.lapses.findLast(({ isCounted }) => isCounted);
  return last && ((last.ranMs ?? Infinity) < YOUNG_MS || isOnProbation(record)) ? last : null;
}

/** On probation, and its present attempt has not proved yet that it is harmless. */
export function isUnproven(record: TaskRecord, timeMs: number): boolean {
  return isOnProbation(record) && timeMs - record.startedAtMs < PROVEN_MS;
}

/** Its present attempt has run for so long that the deaths before it were not its doing. */
export function isProven({ lapsesInSuccession, startedAtMs }: TaskRecord, timeMs: number): boolean {
  return lapsesInSuccession > 0 && timeMs - startedAtMs >= PROVEN_MS;
}

/** A leased task whose session has ended: pending, or asleep for a while, or failed. */
export function lapsed(before: TaskRecord, { atMs, heardAtMs, isDead }: SessionEnd): TaskRecord {
  const { attempt, fence, session, startedAtMs } = before;
  const { node, boot } = session!;
  const ranMs = heardAtMs === 0 ? null : Math.max(0, heardAtMs - startedAtMs);
  const isHarmless = ranMs !== null && ranMs >= PROVEN_MS;
  const isCounted = isDead && !isHarmless;
  const lapse: Lapse = { atMs, attempt, fence, node, boot, ranMs, isCounted };
  const free: TaskRecord = {
    ...before,
    state: "pending",
    avoid: node,
    lapses: [...before.lapses, lapse].slice(-LIMITS.lapsesPerTaskMax),
    lapsesInSuccession: isHarmless ? 0 : before.lapsesInSuccession + Number(isCounted),
  };
  if (!isCounted || !isOnProbation(free)) return free;
  const chargedCount = chargedLapses(free);
  if (chargedCount >= (before.spec.options?.lapsesMax ?? LAPSES_MAX)) {
    return { ...free, state: "failed", failedBecause: "poison", finishedAtMs: atMs };
  }
  const pauseMs = PAUSES_MS[Math.min(chargedCount, PAUSES_MS.length - 1)]!;
  return { ...free, state: "sleeping", wakeAtMs: atMs + pauseMs };
}

/** The lapses that its attempts on probation ended in. */
export function chargedLapses({ lapsesInSuccession }: TaskRecord): number {
  return Math.max(0, lapsesInSuccession - PROBATION_AFTER);
}

/** Its attempt goes on, or ends by itself: it may have proved to be harmless by now. */
export function heeded(record: TaskRecord, { type }: Settlement, atMs: number): TaskRecord {
  if (record.lapsesInSuccession === 0) return record;
  const isHarmless = type === "checkpoint" || isProven(record, atMs);
  return isHarmless ? { ...record, lapsesInSuccession: 0 } : record;
}

/** That life of a node was heard again: it had not died, and no lapse of it counts. */
export function absolved(
  record: TaskRecord,
  life: { readonly node: MemberNo; readonly boot: number },
): TaskRecord {
  const isOfIt = ({ node, boot, isCounted }: Lapse): boolean =>
    isCounted && node === life.node && boot === life.boot;
  const count = record.lapses.filter(isOfIt).length;
  if (count === 0) return record;
  return {
    ...record,
    lapses: record.lapses.map((lapse) => (isOfIt(lapse) ? { ...lapse, isCounted: false } : lapse)),
    lapsesInSuccession: Math.max(0, record.lapsesInSuccession - count),
  };
}
