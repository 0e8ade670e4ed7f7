/**
 * Calls the handler of an attempt. Makes a settlement of what it returned or threw, and of the command that
 * ended the attempt.
 */
import type { Environment } from "../base/environment.ts";
import { AttemptAbortedError, DeclinedError } from "../base/errors.ts";
import { isInstance, messageOfThrown, partOf } from "../base/thrown.ts";
import type { Settlement, TaskMessage } from "../protocol/model/types.ts";
import { validInput, validResult } from "../task/definition.ts";
import { decodeValue, encodeValue } from "../task/values.ts";
import type { Attempt } from "./attempt.ts";
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
export function callHandler(attempt: Attempt): unknown {
  const { task, handler } = attempt;
  const input = validInput(handler.definition, decodeValue(task.payload, "input"));
  return isInstance(input, Promise) ? input.then((each) => call(attempt, each)) : call(attempt, input);
}

function call(attempt: Attempt, input: unknown): unknown {
  // an asynchronous schema may have taken longer than the lease
  attempt.throwUnlessMayBegin();
  const { id, name, checkpoint } = attempt.task;
  const state = checkpoint === null ? undefined : decodeValue(checkpoint, "checkpoint");
  const task: Task = { id, name, input, state };
  const returned = attempt.handler.run(task, attempt);
  return attempt.handler.definition.output ? checkedResult(attempt, returned) : returned;
}

/** @throws InvalidResultError for what the handler completes the task with */
async function checkedResult(attempt: Attempt, returned: unknown): Promise<unknown> {
  const later = promiseOf(returned);
  const value = later ? await later : returned;
  const completes = !isInstance(value, Answer) && (value !== undefined || attempt.abortReason === null);
  return completes ? validResult(attempt.handler.definition, value) : value;
}

/** What a handler returned when it has yet to come, as a promise whose `then` is the runtime's; else null. */
export function promiseOf(value: unknown): Promise<unknown> | null {
  if (typeof value !== "object" || value === null || typeof partOf(value, "then") !== "function") return null;
  // any other calls back as often as it likes
  return isPlainPromise(value) ? value : new Promise((resolve) => resolve(value));
}

function isPlainPromise(value: object): value is Promise<unknown> {
  try {
    return Object.getPrototypeOf(value) === Promise.prototype &&
      !Object.hasOwn(value, "then") && !Object.hasOwn(value, "constructor");
  } catch {
    return false;
  }
}

/** Returning completes, unless the attempt was aborted and there is nothing to record. */
export function endingOfValue(attempt: Attempt, value: unknown, environment: Environment): Settlement {
  if (isInstance(value, Answer)) return endingOfMessage(attempt, value.message, environment);
  if (value === undefined && attempt.abortReason) return endingOfAbort(attempt, environment);
  try {
    return { type: "complete", result: value === undefined ? null : encodeValue(value, "result") };
  } catch (error) {
    return failed(attempt, error, environment);
  }
}

/** What goes wrong because the attempt was aborted, or its lease ends, is no error of the task. */
export function endingOfError(attempt: Attempt, error: unknown, environment: Environment): Settlement {
  if (attempt.abortReason !== null) return endingOfAbort(attempt, environment);
  if (isInstance(error, DeclinedError)) {
    return { type: "decline", forMs: error.forMs, why: messageOfThrown(error) };
  }
  const isOurs = isInstance(error, AttemptAbortedError) || attempt.remainingMs <= attempt.marginMs;
  return isOurs ? { type: "release" } : failed(attempt, error, environment);
}

function endingOfAbort(attempt: Attempt, environment: Environment): Settlement {
  if (attempt.abortReason === "stuck") return failed(attempt, stuckError(attempt.handler), environment);
  if (attempt.abortReason === "expired") return { type: "fail", message: "", because: "expired" };
  return attempt.endCommand ? endingOfMessage(attempt, attempt.endCommand, environment) : { type: "release" };
}

function endingOfMessage(attempt: Attempt, message: TaskMessage, environment: Environment): Settlement {
  switch (message.type) {
    case "complete":
      return { type: "complete", result: null };
    case "error":
      return failedBy(attempt, failed(attempt, message.message, environment));
    case "sleep":
      return message;
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

/** A command says what is wrong: it is no finding of the handler's. */
function failedBy({ endCommand }: Attempt, settlement: Settlement): Settlement {
  return settlement.type === "fail" && endCommand ? { ...settlement, because: "command" } : settlement;
}

function failed(attempt: Attempt, error: unknown, environment: Environment): Settlement {
  const ranMs = environment.monoMs() - attempt.startedMs;
  const task = { ...attempt.task, errorAgesMs: attempt.task.errorAgesMs.map((ageMs) => ageMs + ranMs) };
  return settlementOfFailure(task, error, attempt.handler.onError, environment);
}
