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
/** What has run for so long since a node died under it, or stored a checkpoint, does not kill its node. */
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
  return isOnProbation(record) && !isProven(record, timeMs);
}

/** It has run for so long since the last death that the deaths before were not its doing. */
export function isProven(
  { lapsesInSuccession, startedAtMs, harmlessMs }: TaskRecord,
  timeMs: number,
): boolean {
  return lapsesInSuccession > 0 && harmlessMs + timeMs - startedAtMs >= PROVEN_MS;
}

/** A leased task whose session has ended: pending, or asleep for a while, or failed. */
export function lapsed(before: TaskRecord, { atMs, heardAtMs, isDead }: SessionEnd): TaskRecord {
  const { attempt, fence, session, startedAtMs } = before;
  const { node, boot } = session!;
  const ranMs = heardAtMs === 0 ? null : Math.max(0, heardAtMs - startedAtMs);
  const harmlessMs = before.harmlessMs + (ranMs ?? 0);
  const isHarmless = harmlessMs >= PROVEN_MS;
  const isCounted = isDead && !isHarmless;
  const lapse: Lapse = { atMs, attempt, fence, node, boot, ranMs, isCounted };
  const free: TaskRecord = {
    ...before,
    state: "pending",
    avoid: node,
    lapses: [...before.lapses, lapse].slice(-LIMITS.lapsesPerTaskMax),
    lapsesInSuccession: isHarmless ? 0 : before.lapsesInSuccession + Number(isCounted),
    // whatever it was before a death, it may be something else now
    harmlessMs: isDead ? 0 : harmlessMs,
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

interface Report {
  readonly settlement: Settlement;
  readonly atMs: number;
  /** It ends the attempt. */
  readonly isOver: boolean;
}

/** Its attempt goes on, or ends by itself: it may have proved to be harmless by now. */
export function heeded(record: TaskRecord, { settlement: { type }, atMs, isOver }: Report): TaskRecord {
  // nothing of it runs again
  if (type === "complete") return record;
  const lapsesInSuccession = type === "checkpoint" || isProven(record, atMs) ? 0 : record.lapsesInSuccession;
  let { harmlessMs } = record;
  if (type === "checkpoint") harmlessMs = Math.max(harmlessMs, PROVEN_MS);
  else if (isOver && type !== "decline") harmlessMs += Math.max(0, atMs - record.startedAtMs);
  const isSame = lapsesInSuccession === record.lapsesInSuccession && harmlessMs === record.harmlessMs;
  return isSame ? record : { ...record, lapsesInSuccession, harmlessMs };
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
