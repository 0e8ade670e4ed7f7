/** What operations do to tasks is the same on every keeper, whatever it has undone before. */
import { expect, test } from "bun:test";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import type { Operation } from "../../../../src/protocol/model/types.ts";
import { PartitionTasks, type Undo } from "../../../../src/protocol/state/partition-tasks.ts";
import { PLAIN_OPTIONS, taskSpec } from "../../../support/tasks.ts";

const session = { node: 1, boot: 1, n: 1 };
const command = (id: string, cid: number): Operation => ({
  ...{ type: "command", id, cid, atMs: 1 },
  message: { type: "complete" },
});

/** Two tasks that run, and wait for a command that ends them. */
const BEGIN: readonly Operation[] = [
  ...["a", "b"].map((id): Operation => ({ type: "submit", spec: taskSpec(id), atMs: 1 })),
  ...["a", "b"].map((id): Operation => ({ type: "lease", id, session, atMs: 1 })),
  command("a", 1),
  command("b", 2),
];

function applied(tasks: PartitionTasks, from: number, ops: readonly Operation[]): (Undo | null)[] {
  return ops.map((op, at) => tasks.apply(from + at, op));
}

const KILL = { type: "settle", seq: 1, upTo: 0, settlement: { type: "kill" }, atMs: 1 } as const;

/** In full, whatever the order. */
function stateOf(tasks: PartitionTasks): unknown {
  const { records, finished, ...rest } = tasks.toState();
  return {
    records: new Map(records.map((record) => [record.spec.id, record])),
    ended: [...finished].sort(),
    ...rest,
  };
}

test("a purge forgets those of its tasks that have ended, and no other", () => {
  const tasks = new PartitionTasks();
  applied(tasks, 1, BEGIN);
  applied(tasks, 7, [{ ...KILL, id: "a", fence: 3 }, { type: "purge", ids: ["a", "b", "none"] }]);
  expect([[...tasks.records.keys()], tasks.finished.count, tasks.horizonMs]).toEqual([["b"], 0, 1]);
  applied(tasks, 9, [{ type: "revert", session, atMs: 2, heardAtMs: 0, isDead: false }, {
    type: "purge",
    ids: ["b"],
  }]);
  expect([...tasks.records.keys()]).toEqual([]);
});

/** Each is undone, the horizon too: else a fresh submit would be refused for what was never forgotten. */
const UNDONE: readonly Operation[] = [
  { type: "purge", ids: ["a"] },
  { type: "command", id: "a", cid: 9, atMs: 3, message: { type: "purge", fence: 3 } },
  { type: "command", id: "a", cid: 9, atMs: 3, message: { type: "retry", fence: 3 } },
  {
    ...{ type: "command", id: "", cid: 9, atMs: 3 },
    message: { type: "retain", retention: { no: 1, completedMs: 5, failedMs: 6 } },
  },
];

for (const op of UNDONE) {
  test(`nothing is left of ${JSON.stringify(op)} when it is undone`, () => {
    const tasks = new PartitionTasks();
    applied(tasks, 1, [...BEGIN, { ...KILL, id: "a", fence: 3 }]);
    const before = { ...stateOf(tasks) as object, timeMs: 0 };
    const undo = tasks.apply(8, op);
    expect({ ...stateOf(tasks) as object, timeMs: 0 }).not.toEqual(before);
    tasks.undo(undo!);
    expect({ ...stateOf(tasks) as object, timeMs: 0 }).toEqual(before);
  });
}

const forget = (id: string, cid: number, fence: number): Operation => ({
  ...{ type: "command", id, cid, atMs: 5 },
  message: { type: "purge", fence },
});

test("after a client's purge an id may be new again, but not by a copy of the submit that it had", () => {
  const tasks = new PartitionTasks();
  const submit = (cid: number): Operation => ({ type: "submit", spec: taskSpec("a", { cid }), atMs: 1 });
  applied(tasks, 1, [submit(1), command("a", 5), forget("a", 6, 2)]);
  expect([tasks.records.size, tasks.horizonMs]).toEqual([0, 0]);
  expect(tasks.apply(4, submit(1))).toBeNull();
  expect(tasks.apply(5, submit(2))).not.toBeNull();
});

test("of many purged tasks the horizon stands for the oldest", () => {
  const tasks = new PartitionTasks();
  const count = LIMITS.purgedKnownMax + 1;
  for (let at = 1; at <= count; at++) {
    const id = `t${at}`;
    applied(tasks, 3 * at, [
      { type: "submit", spec: taskSpec(id), atMs: at },
      { type: "command", id, cid: 1, message: { type: "kill" }, atMs: at },
      forget(id, 2, 3 * at + 1),
    ]);
  }
  expect([tasks.records.size, tasks.purged.size, tasks.horizonMs]).toEqual([0, count - 1, 1]);
});

test("of what the horizon stands for nothing is remembered, however many are purged", () => {
  const tasks = new PartitionTasks();
  tasks.horizonMs = 10;
  for (let at = 1; at <= LIMITS.purgedKnownMax + 5; at++) {
    const id = `t${at}`;
    applied(tasks, 3 * at, [
      { type: "submit", spec: taskSpec(id), atMs: 1 },
      { type: "command", id, cid: 1, message: { type: "kill" }, atMs: 1 },
      forget(id, 2, 3 * at + 1),
    ]);
  }
  expect([tasks.records.size, tasks.purged.size, tasks.horizonMs]).toEqual([0, 0, 10]);
});

// ---- ends -------------------------------------------------------------------------------------------------

const retry = (id: string, cid: number, fence: number): Operation => ({
  ...{ type: "command", id, cid, atMs: 5 },
  message: { type: "retry", fence },
});

/** A task that failed under fence 2, with an error and a checkpoint. */
function failed(): PartitionTasks {
  const tasks = new PartitionTasks();
  const settle = { type: "settle", id: "a", fence: 2, upTo: 0, atMs: 2 } as const;
  applied(tasks, 1, [
    { type: "submit", spec: taskSpec("a"), atMs: 1 },
    { type: "lease", id: "a", session, atMs: 1 },
    { ...settle, seq: 1, settlement: { type: "checkpoint", state: Uint8Array.of(7) } },
    { ...settle, seq: 2, settlement: { type: "fail", message: "no", because: "errors" } },
  ]);
  return tasks;
}

test("a retry clears errors and attempts, keeps the checkpoint, and the fence grows", () => {
  const tasks = failed();
  tasks.apply(5, retry("a", 1, 2));
  expect(tasks.records.get("a")).toMatchObject({
    ...{ state: "pending", fence: 5, attempt: 0, errors: [], finishedAtMs: 0, startedAtMs: 0 },
    checkpoint: Uint8Array.of(7),
  });
  expect(tasks.finished.count).toBe(0);
});

test("one end is retried once: by its repeat, by another, after it has ended again", () => {
  const tasks = failed();
  expect(tasks.apply(5, retry("a", 1, 2))).not.toBeNull();
  expect(tasks.apply(6, retry("a", 1, 2))).toBeNull();
  expect(tasks.apply(7, retry("a", 2, 2))).toBeNull();
  tasks.apply(8, { type: "command", id: "a", cid: 3, message: { type: "kill" }, atMs: 6 });
  expect(tasks.records.get("a")).toMatchObject({ state: "killed", fence: 8 });
  for (const fence of [2, 5]) expect(tasks.apply(9, retry("a", 4, fence))).toBeNull();
  expect(tasks.apply(10, retry("a", 5, 8))).not.toBeNull();
});

test("a task that nobody ever leased has a fence for its end, and another one when it is new again", () => {
  const tasks = new PartitionTasks();
  const submit = { type: "submit", spec: taskSpec("a"), atMs: 1 } as const;
  const kill = (cid: number): Operation => ({
    ...{ type: "command", id: "a", cid, atMs: 2 },
    message: { type: "kill" },
  });
  applied(tasks, 1, [submit, kill(1)]);
  expect(tasks.records.get("a")!.fence).toBe(2);
  applied(tasks, 3, [{ type: "purge", ids: ["a"] }, submit, kill(2)]);
  expect(tasks.records.get("a")!.fence).toBe(5);
  expect(tasks.apply(6, retry("a", 3, 2))).toBeNull();
});

test("an end by time without a holder has a fence of its own, and a retry begins the time anew", () => {
  const tasks = new PartitionTasks();
  const options = { ...PLAIN_OPTIONS, expiresMs: 10 };
  tasks.apply(1, { type: "submit", spec: taskSpec("a", { options }), atMs: 1 });
  tasks.apply(2, { type: "expire", id: "a", atMs: 11 });
  expect(tasks.records.get("a")).toMatchObject({ state: "failed", failedBecause: "expired", fence: 2 });
  expect(tasks.apply(3, retry("a", 1, 0))).toBeNull();
  tasks.apply(4, retry("a", 2, 2));
  const anew = { state: "pending", failedBecause: null, fence: 4, expiresAtMs: 15 };
  expect(tasks.records.get("a")).toMatchObject(anew);
});

test("what has completed, or has not ended, is not retried", () => {
  const tasks = new PartitionTasks();
  applied(tasks, 1, BEGIN);
  expect(tasks.apply(7, retry("a", 7, 3))).toBeNull();
  tasks.apply(8, { ...KILL, id: "a", fence: 3, settlement: { type: "complete", result: null } });
  expect(tasks.apply(9, retry("a", 8, 3))).toBeNull();
});

test("of retentions the one with the highest number holds, of two at once the longer one", () => {
  const tasks = new PartitionTasks();
  const retain = (no: number, completedMs: number, failedMs: number): Operation => ({
    ...{ type: "command", id: "", cid: 0, atMs: 1 },
    message: { type: "retain", retention: { no, completedMs, failedMs } },
  });
  applied(tasks, 1, [retain(1, 5, 5), retain(1, 5, 7), retain(1, 5, 6), retain(3, 1, 1), retain(2, 9, 9)]);
  expect(tasks.retention).toEqual({ no: 3, completedMs: 1, failedMs: 1 });
  const other = new PartitionTasks();
  applied(other, 1, [retain(1, 5, 7), retain(1, 5, 5)]);
  expect(other.retention).toEqual({ no: 1, completedMs: 5, failedMs: 7 });
});
