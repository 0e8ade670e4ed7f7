/** Why attempts are told to end, in words. */
import { type AbortReason, AttemptAbortedError } from "../coordinator/errors.ts";

export function abortError(id: string, reason: AbortReason): AttemptAbortedError {
  return new AttemptAbortedError(`Cannot go on with task ${JSON.stringify(id)}: ${WHY[reason]}`, reason);
}

const WHY: Readonly<Record<AbortReason, string>> = {
  drain: "the node drains",
  stop: "the node stops",
  release: "it was told to go elsewhere",
  balance: "the node balances: another one shall run it",
  lapsing: "its lease was not renewed in time and ends soon",
  lapsed: "its lease has ended",
  condemned: "the cluster took this node for dead and gave its lease away",
  stale: "its lease is not the current one",
  stuck: "it gave no sign of life for too long",
  pause: "it was told to pause",
  sleep: "it was told to sleep",
  kill: "it was killed",
  error: "it was told that something is wrong",
  complete: "it was told that it is complete",
};
