/**
 * What becomes of a task whose handler threw. By default Metafora's rule: asleep for ten minutes, failed at
 * the eighth error in four hours. With a number of attempts: again after 1 s, 2 s, 4 s … (at most a
 * minute), failed when they are used up.
 */
import { type Ambient, systemAmbient } from "../coordinator/ambient.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { GrantedTask } from "../protocol/messages.ts";
import type { Settlement } from "../protocol/types.ts";

const ERRORS_MAX = 8;
const ERRORS_WITHIN_MS = 4 * 3600_000;
const SLEEP_MS = 10 * 60_000;
const BACKOFF_MS = 1000;
const BACKOFF_MAX_MS = 60_000;
const JITTER = 0.2;
const MESSAGE_MAX = 1000;

export type Chance = Pick<Ambient, "random" | "wallMs">;

export function settlementOfError(
  task: Pick<GrantedTask, "attemptsMax" | "attempt" | "errorAtMs">,
  error: unknown,
  chance: Chance = systemAmbient,
): Settlement {
  const message = errorMessage(error);
  const nowMs = chance.wallMs();
  const { attemptsMax, attempt, errorAtMs } = task;
  if (attemptsMax === 0) {
    const recentCount = 1 + errorAtMs.filter((atMs) => atMs > nowMs - ERRORS_WITHIN_MS).length;
    if (recentCount >= ERRORS_MAX) return { type: "fail", message };
    return { type: "error", message, wakeAtMs: Math.round(nowMs + SLEEP_MS) };
  }
  // attempts that were released or lapsed are not the task's fault; but no more errors than these are kept
  const failedCount = errorAtMs.length >= LIMITS.errorsPerTaskMax ? attempt : errorAtMs.length + 1;
  if (failedCount >= attemptsMax) return { type: "fail", message };
  const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** Math.min(failedCount - 1, 10));
  const jitter = 1 + JITTER * (2 * chance.random() - 1);
  return { type: "error", message, wakeAtMs: Math.round(nowMs + backoffMs * jitter) };
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
