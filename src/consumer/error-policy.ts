/**
 * What becomes of a task whose handler threw. By default Metafora's rule: asleep for ten minutes, failed at
 * the eighth error in four hours. With a number of attempts: again after 1 s, 2 s, 4 s … (at most a
 * minute), failed when they are used up. The arithmetic is the protocol's (protocol/state/task-machine.ts).
 */
import { type Environment, systemEnvironment } from "../base/environment.ts";
import { FatalError } from "../base/errors.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import { sleepAfterError } from "../protocol/state/task-machine.ts";
import type { ErrorTrace, Settlement, TaskMessage } from "../protocol/model/types.ts";
import type { ErrorHandler } from "./handler.ts";
import { messageOf } from "../task/message.ts";
import { hearRejection, isInstance, textsOfThrown } from "../base/thrown.ts";

type Chance = Pick<Environment, "random" | "wallMs">;

/** What its error handler decides, if there is one and it decides something; else the policy. */
export function settlementOfFailure(
  task: Pick<GrantedTask, "id" | "attemptsMax" | "attempt" | "errorAgesMs" | "options">,
  error: unknown,
  onError: ErrorHandler | undefined,
  chance: Chance = systemEnvironment,
): Settlement {
  const decision = onError && !isInstance(error, FatalError)
    ? decisionOf(task, error, onError, chance)
    : undefined;
  const texts = errorTexts(error);
  switch (decision?.type) {
    case undefined:
      return settlementOfError(task, error, chance);
    case "error":
      return { type: "fail", ...texts, because: "errors" };
    case "complete":
      return { type: "complete", result: null };
    case "sleep":
      return { ...decision, type: "error", ...texts };
    case "pause":
    case "kill":
      return { type: "error", ...texts, forMs: 0, then: decision.type };
    case "run":
    case "checkpoint":
    case "release":
      return { type: "error", ...texts, forMs: 0 };
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
    hearRejection(answer);
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
  const texts = errorTexts(error);
  if (isInstance(error, FatalError)) return { type: "fail", ...texts, because: "fatal" };
  const { attemptsMax, attempt, errorAgesMs, options } = task;
  const failed = { attemptsMax, attempt, errorAgesMs, retry: options?.retry ?? null };
  const sleepMs = sleepAfterError(failed, chance.random());
  if (sleepMs === null) return { type: "fail", ...texts, because: "errors" };
  return { type: "error", ...texts, forMs: Math.ceil(sleepMs) };
}

function errorTexts(error: unknown): { readonly message: string; readonly trace?: ErrorTrace } {
  const { message, cause, stack } = textsOfThrown(error);
  return cause === "" && stack === "" ? { message } : { message, trace: { cause, stack } };
}
