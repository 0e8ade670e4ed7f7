/** Claims about the order in which waiting tasks go, and about who holds up whom. */
import { expect, test } from "bun:test";
import type { Placement, TaskOptions, TaskRecord } from "../../../../src/protocol/model/types.ts";
import { DECLINED, NOBODY, type Now, TaskQueues } from "../../../../src/protocol/steward/task-queues.ts";
import { taskRecord, taskSpec } from "../../../support/tasks.ts";

const ANYWHERE: Placement = { requires: [], prefers: [], node: "", apart: "" };

function optionsOf(priority: number, placement: Partial<Placement> = {}): TaskOptions {
  return { priority, retry: null, placement: { ...ANYWHERE, ...placement }, expiresMs: 0, lapsesMax: 5 };
}

function pinned(node: string): TaskOptions {
  return optionsOf(0, { node });
}

function taskOf(id: string, options: TaskOptions | null = null, name = "h"): TaskRecord {
  return taskRecord(taskSpec(id, { name, options }));
}

/** The queues of one term, and a member that takes what `pick` lets it. */
class Bench {
  readonly waiting: TaskQueues = new TaskQueues();
  readonly records: Map<string, TaskRecord> = new Map();
  readonly leased: string[] = [];
  readonly asked: string[] = [];
  pick: (record: TaskRecord) => number = () => 1;
  nowMs = 1000;
  round = 0;
  waitMs = Infinity;

  add(...tasks: TaskRecord[]): void {
    for (const task of tasks) {
      this.records.set(task.spec.id, task);
      this.waiting.add(task);
    }
  }

  get now(): Now {
    return { monoMs: this.nowMs, timeMs: this.nowMs };
  }

  /** As a steward does it: the highest priority first. */
  dispatch(): string[] {
    this.leased.length = 0;
    this.asked.length = 0;
    for (let limit = Infinity;;) {
      limit = this.waiting.priorityBelow(limit);
      if (limit === -Infinity) return this.leased;
      this.waiting.dispatch({
        records: this.records,
        now: this.now,
        priority: limit,
        round: this.round,
        pick: (record) => {
          this.asked.push(record.spec.id);
          return this.pick(record);
        },
        lease: (_no, { spec }) => {
          this.leased.push(spec.id);
          this.records.set(spec.id, { ...this.records.get(spec.id)!, state: "leased" });
        },
        waitMs: () => this.waitMs,
      });
    }
  }

  backlog(node: string): number {
    const mayRun = (_name: string, placement: Placement | null): boolean =>
      placement === null || placement.node === "" || placement.node === node;
    return this.waiting.countFor({ mayRun, hasDeclined: ({ id }) => id.startsWith("declined by " + node) })
      .count;
  }
}

test("of equal priority the oldest goes first, whatever its handler or its placement", () => {
  const bench = new Bench();
  bench.add(
    taskOf("1"),
    taskOf("2", null, "other"),
    taskOf("3", pinned("x")),
    taskOf("4"),
    taskOf("5", pinned("x")),
  );
  expect(bench.dispatch()).toEqual(["1", "2", "3", "4", "5"]);
});

test("a higher priority goes first, however late it came", () => {
  const bench = new Bench();
  bench.add(taskOf("low", optionsOf(-1)), taskOf("plain"), taskOf("high", optionsOf(5)), taskOf("plain too"));
  expect(bench.dispatch()).toEqual(["high", "plain", "plain too", "low"]);
});

test("a task that nobody can run holds up its like and no other", () => {
  const bench = new Bench();
  bench.pick = ({ spec }) => spec.options?.placement?.node === "gone" ? NOBODY : 1;
  bench.add(
    taskOf("a", pinned("gone")),
    taskOf("b"),
    taskOf("c", pinned("gone")),
    taskOf("d", pinned("here")),
  );
  expect(bench.dispatch()).toEqual(["b", "d"]);
  expect(bench.asked).not.toContain("c");
});

test("what nobody took is not tried again before something changes", () => {
  const bench = new Bench();
  bench.pick = () => NOBODY;
  bench.add(taskOf("a"));
  bench.dispatch();
  bench.add(taskOf("b"));
  bench.dispatch();
  expect(bench.asked).toEqual([]);
  bench.round++;
  bench.pick = () => 1;
  expect(bench.dispatch()).toEqual(["a", "b"]);
});

test("a task that everybody declined lets those behind it pass", () => {
  const bench = new Bench();
  bench.pick = ({ spec }) => spec.id === "unwanted" ? DECLINED : 1;
  bench.add(taskOf("unwanted"), taskOf("b"));
  expect(bench.dispatch()).toEqual(["b"]);
});

test("what everybody declined is looked at when the first may be asked, in a second at the latest", () => {
  for (const [waitMs, afterMs] of [[300, 300], [Infinity, 1000]] as const) {
    const bench = new Bench();
    bench.waitMs = waitMs;
    bench.pick = () => DECLINED;
    bench.add(taskOf("unwanted"));
    bench.dispatch();
    bench.nowMs += afterMs - 1;
    expect(bench.waiting.wake(bench.records, bench.now)).toBe(false);
    bench.nowMs += 1;
    expect(bench.waiting.wake(bench.records, bench.now)).toBe(true);
    bench.pick = () => 1;
    expect(bench.dispatch()).toEqual(["unwanted"]);
  }
});

test("a review looks at everything that was declined, once", () => {
  const bench = new Bench();
  bench.pick = () => DECLINED;
  bench.add(taskOf("unwanted"));
  bench.dispatch();
  bench.waiting.review(1);
  bench.dispatch();
  expect(bench.asked).toEqual(["unwanted"]);
  bench.waiting.review(1);
  bench.dispatch();
  expect(bench.asked).toEqual([]);
});

test("the demand for a member counts what it could run and has not declined, and nothing else", () => {
  const bench = new Bench();
  bench.pick = () => NOBODY;
  bench.add(taskOf("a"), taskOf("b", pinned("x")));
  bench.dispatch();
  expect([bench.backlog("x"), bench.backlog("y")]).toEqual([2, 1]);
  bench.pick = () => DECLINED;
  bench.add(taskOf("declined by y", null, "other"));
  bench.dispatch();
  expect([bench.backlog("x"), bench.backlog("y")]).toEqual([3, 1]);
});

test("tasks that differ in their apart key alone wait in one line", () => {
  const bench = new Bench();
  bench.pick = () => NOBODY;
  bench.add(
    taskOf("a", optionsOf(0, { apart: "k1" })),
    taskOf("b", optionsOf(0, { apart: "k2" })),
    taskOf("c"),
  );
  bench.dispatch();
  expect(bench.asked).toEqual(["a"]);
});
