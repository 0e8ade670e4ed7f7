/** How an attempt ends: what its handler returned or threw, and what it was told, as a settlement. */
import type { Ambient } from "../coordinator/ambient.ts";
import { AttemptAbortedError } from "../coordinator/errors.ts";
import type { Settlement, TaskMessage } from "../protocol/types.ts";
import { settlementOfFailure } from "./error-policy.ts";
import type { Run } from "./run.ts";
import { Answer } from "./stateful.ts";
import { stuckError } from "./stuck.ts";
import { encodeValue } from "./values.ts";

/** Returning completes, unless the attempt was told to end and there is nothing to record. */
export function endingOfValue(run: Run, value: unknown, ambient: Ambient): Settlement {
  if (value instanceof Answer) return endingOfMessage(run, value.message, ambient);
  if (value === undefined && run.abortReason) return endingOfAbort(run, ambient);
  try {
    return { type: "complete", result: value === undefined ? null : encodeValue(value, "result") };
  } catch (error) {
    return failed(run, error, ambient);
  }
}

/** What goes wrong because the attempt was told to end, or its lease ends, is no error of the task. */
export function endingOfError(run: Run, error: unknown, ambient: Ambient): Settlement {
  if (run.abortReason !== null) return endingOfAbort(run, ambient);
  const isOurs = error instanceof AttemptAbortedError || ambient.wallMs() >= run.deadline;
  return isOurs ? { type: "release" } : failed(run, error, ambient);
}

function endingOfAbort(run: Run, ambient: Ambient): Settlement {
  if (run.abortReason === "stuck") return failed(run, stuckError(run.handler), ambient);
  return run.order ? endingOfMessage(run, run.order, ambient) : { type: "release" };
}

function endingOfMessage(run: Run, message: TaskMessage, ambient: Ambient): Settlement {
  switch (message.type) {
    case "complete":
      return { type: "complete", result: null };
    case "error":
      return failed(run, message.message, ambient);
    case "sleep":
      return { type: "sleep", untilMs: message.untilMs };
    case "pause":
    case "kill":
      return { type: message.type };
    case "run":
    case "checkpoint":
    case "release":
      return { type: "release" };
    default:
      return message satisfies never;
  }
}

function failed(run: Run, error: unknown, ambient: Ambient): Settlement {
  return settlementOfFailure(run.task, error, run.handler.onError, ambient);
}

/** What a handler returned has yet to come. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
