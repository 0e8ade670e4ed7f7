/** Tasks for tests: whatever a test does not care about has a plain value. */
import type { TaskOptions, TaskRecord, TaskSpec } from "../../src/protocol/model/types.ts";
import { PartitionTasks } from "../../src/protocol/state/partition-tasks.ts";

/** Asks for nothing. */
export const PLAIN_OPTIONS: TaskOptions = {
  priority: 0,
  retry: null,
  placement: null,
  expiresMs: 0,
  lapsesMax: 5,
  tags: [],
  retention: null,
};

export function taskSpec(id: string, more: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id,
    name: "h",
    payload: new Uint8Array(0),
    attemptsMax: 0,
    options: null,
    runAtMs: 0,
    delayMs: 0,
    cid: 1,
    ...more,
  };
}

/** Pending, and submitted at 0, unless `more` says otherwise. */
export function taskRecord(spec: TaskSpec, more: Partial<TaskRecord> = {}): TaskRecord {
  const tasks = new PartitionTasks();
  tasks.apply(1, { type: "submit", spec, atMs: 0 });
  return { ...tasks.records.get(spec.id)!, ...more };
}
