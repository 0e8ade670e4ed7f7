/** What non-members send along with their requests, checked: it comes from strangers. */
import { shown, text } from "../base/arguments.ts";
import type { ListCursor } from "../coordinator/coordinator.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import type { TaskFilter } from "../protocol/model/task-filter.ts";
import type { AgreedRetention, TaskRequest, TaskState } from "../protocol/model/types.ts";
import { TASK_STATES } from "../protocol/wire/tasks.ts";
import { messageOf } from "../task/message.ts";
import { checkId } from "./submission.ts";

const LIST = "list tasks";
/** What a Date can show. */
const TIME_MAX_MS = 8.64e15;
const LIMIT_MAX = 1_000_000;

/** @throws TypeError, RangeError */
export function filterOf(value: unknown): TaskFilter {
  const { states, name, tag, node, idPrefix, sinceMs, untilMs } = objectOf(LIST, "the filter", value);
  return {
    states: Array.isArray(states) ? [...new Set(states.map(stateOf))] : [],
    name: word("name", name, LIMITS.nameBytesMax),
    tag: word("tag", tag, LIMITS.tagBytesMax),
    node: word("node", node, LIMITS.idBytesMax),
    idPrefix: word("idPrefix", idPrefix, LIMITS.idBytesMax),
    sinceMs: timeOf("sinceMs", sinceMs),
    untilMs: timeOf("untilMs", untilMs),
  };
}

/** "" = any. */
function word(name: string, value: unknown, bytesMax: number): string {
  return value === "" ? "" : text(LIST, name, value, "", bytesMax);
}

function stateOf(value: unknown): TaskState {
  const state = TASK_STATES.find((each) => each === value);
  if (state) return state;
  throw new TypeError("Cannot list tasks: there is no such state");
}

function timeOf(name: string, value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === "number" && value >= 0 && value <= TIME_MAX_MS) return value;
  throw new RangeError(`Cannot list tasks: ${name} must be a time, got ${shown(value)}`);
}

export function cursorOf(value: unknown): ListCursor {
  const [p, after] = Array.isArray(value) ? value as unknown[] : [];
  const isPlace = Number.isSafeInteger(p) && (p as number) >= 0;
  if (isPlace && typeof after === "string") {
    if (after !== "") checkId(LIST, after);
    return { p: p as number, after };
  }
  throw new TypeError("Cannot list tasks: the place to go on from makes no sense");
}

export function limitOf(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return Math.min(LIMIT_MAX, value as number);
  throw new RangeError(`Cannot list tasks: limit must be a whole number above 0, got ${shown(value)}`);
}

/** What a client asks of a task; never of a partition. */
export function requestOf(value: unknown): TaskRequest {
  const { type, fence } = objectOf("command a task", "the command", value);
  if (type !== "retry" && type !== "purge") return messageOf("command a task", value);
  if (Number.isSafeInteger(fence) && (fence as number) >= 0) return { type, fence: fence as number };
  throw new TypeError(`Cannot ${type} a task: fence must be a whole number, got ${shown(fence)}`);
}

export function agreedOf(value: unknown): AgreedRetention {
  const { no, completedMs, failedMs } = objectOf("set the retention", "it", value);
  const isGood = Number.isSafeInteger(no) && (no as number) >= 1 && isRetention(completedMs) &&
    isRetention(failedMs);
  if (isGood) return { no: no as number, completedMs, failedMs };
  throw new RangeError("Cannot set the retention: it makes no sense");
}

/** Also of one task: how long it may be. */
function isRetention(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LIMITS.retentionMsMax;
}

function objectOf(attempt: string, name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  throw new TypeError(`Cannot ${attempt}: ${name} must be an object, got ${shown(value)}`);
}
