/**
 * What becomes of a task whose handler threw. By default Metafora's rule: asleep for ten minutes, failed at
 * the eighth error in four hours. With a number of attempts: again after 1 s, 2 s, 4 s … (at most a
 * minute), failed when they are used up. The arithmetic is the protocol's (protocol/state/task-machine.ts).
 */
import { type Environment, systemEnvironment } from "../base/environment.ts";
import { FatalError } from "../base/errors.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import { sleepAfterError } from "../protocol/state/task-machine.ts";
import type { Settlement, TaskMessage } from "../protocol/model/types.ts";
import type { ErrorHandler } from "./handler.ts";
import { messageOf } from "../task/message.ts";

const MESSAGE_MAX = 1000;

type Chance = Pick<Environment, "random" | "wallMs">;

/** What its error handler decides, if there is one and it decides something; else the policy. */
export function settlementOfFailure(
  task: Pick<GrantedTask, "id" | "attemptsMax" | "attempt" | "errorAgesMs" | "options">,
  error: unknown,
  onError: ErrorHandler | undefined,
  chance: Chance = systemEnvironment,
): Settlement {
  const decision = onError && !(error instanceof FatalError)
    ? decisionOf(task, error, onError, chance)
    : undefined;
  const message = errorMessage(error);
  switch (decision?.type) {
    case undefined:
      return settlementOfError(task, error, chance);
    case "error":
      return { type: "fail", message, because: "errors" };
    case "complete":
      return { type: "complete", result: null };
    case "sleep":
      return { ...decision, type: "error", message };
    case "pause":
    case "kill":
      return { type: "error", message, forMs: 0, then: decision.type };
    case "run":
    case "checkpoint":
    case "release":
      return { type: "error", message, forMs: 0 };
    default:
      return decision satisfies never;
  }
}

function decisionOf(
  { id, attempt, errorAgesMs }: Pick<GrantedTask, "id" | "attempt" | "errorAgesMs">,
  error: unknown,
  onError: ErrorHandler,
  chance: Chance,
): TaskMessage | undefined {
  try {
    const nowMs = chance.wallMs();
    const earlier = errorAgesMs.map((ageMs) => new Date(nowMs - ageMs));
    const answer = onError({ id, attempt, error, earlier });
    return answer === undefined ? undefined : messageOf("heed an error handler", answer);
  } catch {
    return undefined;
  }
}

export function settlementOfError(
  task: Pick<GrantedTask, "attemptsMax" | "attempt" | "errorAgesMs" | "options">,
  error: unknown,
  chance: Pick<Chance, "random"> = systemEnvironment,
): Settlement {
  const message = errorMessage(error);
  if (error instanceof FatalError) return { type: "fail", message, because: "fatal" };
  const { attemptsMax, attempt, errorAgesMs, options } = task;
  const failed = { attemptsMax, attempt, errorAgesMs, retry: options?.retry ?? null };
  const sleepMs = sleepAfterError(failed, chance.random());
  if (sleepMs === null) return { type: "fail", message, because: "errors" };
  return { type: "error", message, forMs: Math.ceil(sleepMs) };
}

/** Text of whatever was thrown, clipped. */
export function errorMessage(error: unknown): string {
  return textOf(error).slice(0, MESSAGE_MAX);
}

function textOf(error: unknown): string {
  try {
    if (error instanceof Error) return error.message === "" ? error.name : error.message;
    if (typeof error === "string") return error;
    return `the handler threw ${error === null ? "null" : `a ${typeof error}`}: ${
      JSON.stringify(error) ?? String(error)
    }`;
  } catch {
    return "the handler threw something that cannot be shown";
  }
}
