/** What is asked of a partition about its tasks; steward/task-matcher.ts says which a filter fits. */
import type { TaskState } from "./types.ts";

export type TaskQuery =
  | { readonly type: "get"; readonly id: string }
  /** Tasks of the partition in the order of their ids, after the id `after`. */
  | {
    readonly type: "list";
    readonly filter: TaskFilter;
    /** "" = from the first on. */
    readonly after: string;
    readonly limit: number;
    /** No more than so many, unless the first is longer. */
    readonly bytesMax: number;
  };
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
