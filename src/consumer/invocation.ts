/**
 * Calls the handler of an attempt, and makes a settlement of what it returned or threw and of what the
 * attempt was told.
 */
import type { Ambient } from "../base/environment.ts";
import { AttemptAbortedError } from "../base/errors.ts";
import type { Settlement, TaskMessage } from "../protocol/model/types.ts";
import { validInput } from "../task/definition.ts";
import { decodeValue, encodeValue } from "../task/values.ts";
import type { Run } from "./attempt.ts";
import { settlementOfFailure } from "./error-policy.ts";
import type { Task } from "./handler.ts";
import { Answer } from "./stateful.ts";
import { stuckError } from "./stuck-handlers.ts";

/**
 * Calls the handler with its input checked against the definition and its state as it was stored. Returns
 * what that returns; a promise, too, when the schema is asynchronous.
 *
 * @throws what it throws
 */
export function callHandler(run: Run): unknown {
  const { task, handler } = run;
  const input = validInput(handler.definition, decodeValue(task.payload, "input"));
  return input instanceof Promise ? input.then((each) => call(run, each)) : call(run, input);
}

function call(run: Run, input: unknown): unknown {
  // an asynchronous schema may have taken longer than the lease
  run.throwIfAborted();
  const { id, name, checkpoint } = run.task;
  const state = checkpoint === null ? undefined : decodeValue(checkpoint, "checkpoint");
  const task: Task = { id, name, input, state };
  return run.handler.run(task, run);
}

/** What a handler returned has yet to come. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

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
