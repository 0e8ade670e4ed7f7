/**
 * What is reported of attempts: of each one to listeners, and for metrics how many began and ended here and
 * how long they took, by the handler's name.
 */
import type { FailedBecause, Settlement } from "../protocol/model/types.ts";
import type { Attempt } from "./attempt.ts";

/** What happened to an attempt. */
export interface AttemptInfo {
  readonly task: string;
  readonly name: string;
  /** Decimal. */
  readonly fence: string;
  readonly attempt: number;
  /** Why, in words or as one word. */
  readonly reason?: string;
  /** Of the error that ended the task: why it is failed. */
  readonly failedBecause?: FailedBecause;
  /** The handler still ran when its lease ended. */
  readonly overrun?: boolean;
  readonly durationMs?: number;
}

export type AttemptEventType = "task:start" | "task:done" | "task:error" | "task:lost" | "task:released";

/** The event, and what it says beside which attempt it is. */
type Report = readonly [AttemptEventType, Partial<AttemptInfo>];

export const REFUSED: Report = ["task:lost", {
  reason: "refused: its fence was not the current one, or its time was over",
}];

/** How the reason begins when a handler ended after its attempt: the second event of that attempt. */
export const LATE = "late: ";
export const isLate = ({ reason }: Partial<AttemptInfo>): boolean => reason?.startsWith(LATE) ?? false;

/** `durationMs`: null when it has only begun. */
export function infoOf(
  { task }: Attempt,
  more: Partial<AttemptInfo>,
  durationMs: number | null,
): AttemptInfo {
  const { id, name, fence, attempt } = task;
  const info = { task: id, name, fence: String(fence), attempt, ...more };
  return durationMs === null ? info : { ...info, durationMs: Math.round(durationMs) };
}

/** Of an attempt whose end a quorum has recorded. `isOverrun`: its handler still runs. */
export function reportOf(attempt: Attempt, ending: Settlement, isOverrun: boolean): Report {
  const overrun = isOverrun ? { overrun: true } : {};
  switch (ending.type) {
    case "complete":
      return ["task:done", {}];
    case "error":
      return ["task:error", { reason: ending.message, ...overrun }];
    case "fail":
      return ["task:error", failureOf(ending, overrun)];
    default:
      return ["task:released", { ...releaseReason(attempt, ending), ...overrun }];
  }
}

function failureOf(
  { message, because }: Extract<Settlement, { readonly type: "fail" }>,
  overrun: Partial<AttemptInfo>,
): Partial<AttemptInfo> {
  const reason = because === "expired" ? "its time is over" : message;
  return { reason: `${reason} (no further attempt)`, failedBecause: because, ...overrun };
}

function releaseReason(attempt: Attempt, ending: Settlement): Partial<AttemptInfo> {
  const reason = ending.type === "release"
    ? attempt.abortReason
    : ending.type === "decline" && ending.why
    ? `decline: ${ending.why}`
    : ending.type;
  if (attempt.handOffError === "") return reason ? { reason } : {};
  return { reason: `${reason}; its state could not be handed over: ${attempt.handOffError}` };
}

/** How an attempt ended, or that a handler has not ended and its attempt has. */
export type AttemptOutcome = "done" | "error" | "lost" | "released";

/**
 * Upper bounds of the durations that are distinguished, in seconds; longer ones have a place of their own.
 */
export const DURATION_BOUNDS_S: readonly number[] = [0.01, 0.1, 1, 10, 60, 600, 3600, 21_600, 86_400];

export interface AttemptCount {
  started: number;
  readonly ended: Record<AttemptOutcome, number>;
  /** Of those that ended: how many took at most each of DURATION_BOUNDS_S, and how many longer. */
  readonly durations: number[];
  durationSumMs: number;
}

export class AttemptCounts {
  readonly byName: Map<string, AttemptCount> = new Map();

  /** `durationMs`: null when it has only begun. */
  note(type: AttemptEventType, name: string, durationMs: number | null): void {
    const count = this.#of(name);
    if (type === "task:start" || durationMs === null) {
      count.started++;
      return;
    }
    // "task:done" is "done"
    count.ended[type.slice(5) as AttemptOutcome]++;
    count.durationSumMs += durationMs;
    let at = 0;
    while (at < DURATION_BOUNDS_S.length && durationMs > DURATION_BOUNDS_S[at]! * 1000) at++;
    count.durations[at]!++;
  }

  #of(name: string): AttemptCount {
    let count = this.byName.get(name);
    if (count === undefined) {
      const durations = new Array<number>(DURATION_BOUNDS_S.length + 1).fill(0);
      const ended = { done: 0, error: 0, lost: 0, released: 0 };
      this.byName.set(name, count = { started: 0, ended, durations, durationSumMs: 0 });
    }
    return count;
  }
}
