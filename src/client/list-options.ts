/** What a list is to have in it, as users say it: checked, and in the protocol's words. */
import { checkKnown, integer, shown, text } from "../base/arguments.ts";
import type { ListCursor } from "../coordinator/coordinator.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import { ANY_TASK, type TaskFilter } from "../protocol/model/task-filter.ts";
import type { TaskState } from "../protocol/model/types.ts";
import { TASK_STATES } from "../protocol/wire/tasks.ts";
import { checkId } from "./submission.ts";

/** Which tasks: those that have all of it. */
export interface ListFilter {
  /** In one of these. @default any state */
  readonly states?: readonly TaskState[];
  /** Of the task's definition. */
  readonly name?: string;
  readonly tag?: string;
  /** Name or id of the node that runs them. */
  readonly node?: string;
  /** What their ids begin with. */
  readonly idPrefix?: string;
  /** Submitted at this time of the cluster or later. */
  readonly submittedSince?: Date;
  /** Submitted before this time of the cluster. */
  readonly submittedUntil?: Date;
}

export interface ListOptions extends ListFilter {
  /** Tasks at most. @default all; of a page 100 */
  readonly limit?: number;
  /** Go on where the page ended that had this cursor. */
  readonly cursor?: string;
}

export const FILTER_KEYS: readonly (keyof ListFilter)[] = [
  ...["states", "name", "tag", "node", "idPrefix", "submittedSince", "submittedUntil"] as const,
];
const LIMIT_MAX = 1_000_000_000;

/** @throws TypeError, RangeError that name the option */
export function filterOf(attempt: string, filter: ListFilter): TaskFilter {
  const { states, name, tag, node, idPrefix, submittedSince, submittedUntil } = filter;
  const sinceMs = timeOf(attempt, "submittedSince", submittedSince);
  const untilMs = timeOf(attempt, "submittedUntil", submittedUntil);
  if (untilMs !== 0 && untilMs <= sinceMs) {
    throw new RangeError(
      `Cannot ${attempt}: submittedUntil must be after submittedSince, got ${submittedUntil?.toISOString()}`,
    );
  }
  return {
    states: statesOf(attempt, states),
    name: text(attempt, "name", name, ANY_TASK.name, LIMITS.nameBytesMax),
    tag: text(attempt, "tag", tag, ANY_TASK.tag, LIMITS.tagBytesMax),
    node: text(attempt, "node", node, ANY_TASK.node, LIMITS.idBytesMax),
    idPrefix: text(attempt, "idPrefix", idPrefix, ANY_TASK.idPrefix, LIMITS.idBytesMax),
    sinceMs,
    untilMs,
  };
}

function statesOf(attempt: string, states: unknown): readonly TaskState[] {
  if (states === undefined) return ANY_TASK.states;
  if (!Array.isArray(states) || states.length === 0) {
    throw new TypeError(
      `Cannot ${attempt}: states must be a list of states that is not empty, got ${shown(states)}`,
    );
  }
  return [...new Set(states.map((state: unknown) => stateOf(attempt, state)))];
}

function stateOf(attempt: string, state: unknown): TaskState {
  const known = TASK_STATES.find((each) => each === state);
  if (known) return known;
  throw new TypeError(
    `Cannot ${attempt}: a state must be one of ${TASK_STATES.join(", ")}, got ${shown(state)}`,
  );
}

/** 0 = at any time. */
function timeOf(attempt: string, name: string, value: unknown): number {
  if (value === undefined) return 0;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return Math.max(1, value.getTime());
  throw new TypeError(`Cannot ${attempt}: ${name} must be a valid Date, got ${shown(value)}`);
}

/** @throws TypeError, RangeError that name the option */
export function listOptionsOf(
  attempt: string,
  options: ListOptions,
  limitByDefault: number,
): { readonly filter: TaskFilter; readonly limit: number; readonly from: ListCursor } {
  checkKnown(attempt, options, [...FILTER_KEYS, "limit", "cursor"]);
  const { limit, cursor } = options;
  return {
    filter: filterOf(attempt, options),
    limit: integer(attempt, "limit", limit, { min: 1, max: LIMIT_MAX, default: limitByDefault }),
    from: cursor === undefined ? { p: 0, after: "" } : placeOf(attempt, cursor),
  };
}

/** Where a page goes on, as a text that says nothing to users. */
export function cursorText({ p, after }: ListCursor): string {
  return `${p}:${after}`;
}

function placeOf(attempt: string, cursor: unknown): ListCursor {
  const [, p = "", after = ""] = typeof cursor === "string" ? /^(\d{1,7}):([^]*)$/.exec(cursor) ?? [] : [];
  if (p === "") {
    throw new TypeError(`Cannot ${attempt}: cursor must be the cursor of a page, got ${shown(cursor)}`);
  }
  if (after !== "") checkId(attempt, after, "the id in cursor");
  return { p: Number(p), after };
}
