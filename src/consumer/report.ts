/** What is said of an attempt. */
import type { Settlement } from "../protocol/types.ts";
import type { AttemptEventType, AttemptInfo } from "./consumer.ts";
import type { Run } from "./run.ts";

export type Report = readonly [AttemptEventType, Partial<AttemptInfo>];

export const REFUSED: Report = ["task:lost", { reason: "refused: its fence was not the current one" }];

/** How the reason of an end begins that came after its attempt was over: the second word on that attempt. */
export const LATE = "late: ";
export const isLate = ({ reason }: Partial<AttemptInfo>): boolean => reason?.startsWith(LATE) ?? false;

/** `durationMs`: null when it has only begun. */
export function infoOf(run: Run, more: Partial<AttemptInfo>, durationMs: number | null): AttemptInfo {
  const { id, name, fence, attempt } = run.task;
  const info = { task: id, name, fence: String(fence), attempt, ...more };
  return durationMs === null ? info : { ...info, durationMs: Math.round(durationMs) };
}

/** Of an attempt whose end a quorum has recorded. `isOverrun`: its handler still runs. */
export function reportOf(run: Run, ending: Settlement, isOverrun: boolean): Report {
  const overrun = isOverrun ? { overrun: true } : {};
  switch (ending.type) {
    case "complete":
      return ["task:done", {}];
    case "error":
      return ["task:error", { reason: ending.message, ...overrun }];
    case "fail":
      return ["task:error", { reason: `${ending.message} (no further attempt)`, ...overrun }];
    default:
      return ["task:released", { ...releaseReason(run, ending), ...overrun }];
  }
}

function releaseReason(run: Run, ending: Settlement): Partial<AttemptInfo> {
  const reason = ending.type === "release" ? run.abortReason : ending.type;
  if (run.handOffError === "") return reason ? { reason } : {};
  return { reason: `${reason}; its state could not be handed over: ${run.handOffError}` };
}
