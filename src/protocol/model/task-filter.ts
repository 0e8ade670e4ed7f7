/** Which tasks a list is about; which of them are is steward/task-matcher.ts's business. */
import type { TaskState } from "./types.ts";

/** What all of a list's tasks have in common. */
export interface TaskFilter {
  /** None = any. */
  readonly states: readonly TaskState[];
  /** "" = any; the same for all texts below. */
  readonly name: string;
  readonly tag: string;
  /** Name or id of the node that runs it. */
  readonly node: string;
  readonly idPrefix: string;
  /** Times of the cluster: submitted then or later, and before; 0 = at any time. */
  readonly sinceMs: number;
  readonly untilMs: number;
}

export const ANY_TASK: TaskFilter = {
  ...{ states: [], name: "", tag: "", node: "", idPrefix: "" },
  ...{ sinceMs: 0, untilMs: 0 },
};
