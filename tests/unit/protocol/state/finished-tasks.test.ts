/** Which ended tasks are forgotten, and in which order. */
import { expect, test } from "bun:test";
import type { Retention, TaskRecord } from "../../../../src/protocol/model/types.ts";
import { FinishedTasks } from "../../../../src/protocol/state/finished-tasks.ts";
import { Rng } from "../../../../src/testing/rng.ts";
import { PLAIN_OPTIONS, taskRecord, taskSpec } from "../../../support/tasks.ts";

const COMMON: Retention = { completedMs: 100, failedMs: 700 };

function ended(
  id: string,
  state: "completed" | "failed" | "killed",
  finishedAtMs: number,
  retention: Retention | null = null,
): TaskRecord {
  const options = retention && { ...PLAIN_OPTIONS, retention };
  return taskRecord(taskSpec(id, { options }), { state, finishedAtMs });
}

function setUp(...records: readonly TaskRecord[]) {
  const tasks = new FinishedTasks();
  const byId = new Map(records.map((record) => [record.spec.id, record]));
  for (const record of records) tasks.add(record);
  const due = (nowMs: number, countMax = 10): string[] => {
    const now = { recordOf: (id: string) => byId.get(id)!, common: COMMON, nowMs, countMax };
    return [...tasks.due(now), ...tasks.dueOfOwn(now)];
  };
  return { tasks, due };
}

test("a task is due when the retention of its end is over", () => {
  const { due } = setUp(ended("c", "completed", 0), ended("f", "failed", 0), ended("k", "killed", 1));
  expect([100, 101, 700, 701, 702].map((nowMs) => due(nowMs))).toEqual([
    [],
    ["c"],
    ["c"],
    ["c", "f"],
    ["c", "f", "k"],
  ]);
});

test("a retention of its own goes before the cluster's, as far as it says something", () => {
  const { due } = setUp(
    ended("long", "completed", 0, { completedMs: 300, failedMs: 0 }),
    ended("short", "completed", 0, { completedMs: 50, failedMs: 0 }),
    ended("common", "failed", 0, { completedMs: 50, failedMs: 0 }),
  );
  expect([due(51), due(301), due(701)]).toEqual([["short"], ["long", "short"], ["long", "short", "common"]]);
});

test("so many are due at once at most, the first that ended first", () => {
  const { due } = setUp(...[1, 2, 3].map((at) => ended(`c${at}`, "completed", at)));
  expect(due(1000, 2)).toEqual(["c1", "c2"]);
});

test("of too many those go first that completed", () => {
  const { tasks } = setUp(ended("f", "failed", 0), ended("c1", "completed", 1), ended("c2", "completed", 2));
  expect([tasks.first(2), tasks.first(3), tasks.first(0)]).toEqual([["c1", "c2"], ["c1", "c2", "f"], []]);
});

test("what was put back is due in its turn, not behind all that ended since", () => {
  const records = [ended("a", "completed", 1), ended("b", "completed", 2), ended("c", "failed", 3)];
  const { tasks, due } = setUp(...records);
  tasks.delete(records[0]!);
  tasks.add(records[0]!);
  expect(due(102)).toEqual([]);
  tasks.sort((id) => records.find(({ spec }) => spec.id === id)!);
  expect([due(102), tasks.ids()]).toEqual([["a"], ["a", "b", "c"]]);
});

test("what is taken out is counted no more", () => {
  const task = ended("a", "completed", 0, { completedMs: 1, failedMs: 1 });
  const { tasks } = setUp(task);
  tasks.delete(task);
  expect([tasks.count, tasks.ids()]).toEqual([0, []]);
});

test("whatever comes and goes, from the front, from the end and from between, the order stays", () => {
  const { tasks } = setUp();
  const rng = new Rng(1, 1);
  const known: TaskRecord[] = [];
  for (let at = 0; at < 12_000; at++) {
    const record = ended(`t${at}`, "completed", at);
    tasks.add(record);
    known.push(record);
    // most go from the front, and in lots
    for (let count = rng.int(3); count > 0 && known.length > 0; count--) {
      const place = rng.int(10) < 8 ? 0 : rng.int(known.length);
      tasks.delete(known.splice(place, 1)[0]!);
    }
    if (rng.int(20) === 0 && known.length > 0) tasks.delete(known.pop()!);
  }
  const ids = known.map(({ spec }) => spec.id);
  expect([tasks.count, tasks.ids(), tasks.first(3)]).toEqual([ids.length, ids, ids.slice(0, 3)]);
});
