/** Metafora's transition table, and what commands do to tasks with and without a holder. */
import { expect, test } from "bun:test";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import { endedBy, nextState, sleepAfterError } from "../../../../src/protocol/state/task-machine.ts";
import { PartitionTasks } from "../../../../src/protocol/state/partition-tasks.ts";
import type { Settlement, TaskMessage, TaskRecord, TaskState } from "../../../../src/protocol/model/types.ts";
import { taskSpec } from "../../../support/tasks.ts";

const MESSAGES = ["run", "sleep", "pause", "kill", "error", "complete", "checkpoint", "release"] as const;
const NOW_MS = 1_800_000_000_000;
const session = { node: 1, boot: 1, n: 1 };

class Tasks {
  readonly tasks: PartitionTasks = new PartitionTasks();
  #index = 0;
  #cid = 0;
  #seq = 0;

  constructor(attemptsMax = 0) {
    const spec = taskSpec("t", { attemptsMax });
    this.tasks.apply(++this.#index, { type: "submit", spec, atMs: NOW_MS });
  }

  get record(): TaskRecord {
    return this.tasks.records.get("t")!;
  }

  lease(): this {
    this.tasks.apply(++this.#index, { type: "lease", id: "t", session, atMs: NOW_MS });
    return this;
  }

  command(message: TaskMessage, cid: number = ++this.#cid): number {
    this.tasks.apply(++this.#index, { type: "command", id: "t", cid, message, atMs: NOW_MS });
    return this.#index;
  }

  settle(settlement: Settlement, upTo = 0, seq = ++this.#seq): this {
    const { fence } = this.record;
    this.tasks.apply(++this.#index, { type: "settle", id: "t", fence, seq, upTo, settlement, atMs: NOW_MS });
    return this;
  }

  revert(): void {
    this.tasks.apply(++this.#index, { type: "condemn", session });
    this.tasks.apply(++this.#index, { type: "revert", session, atMs: NOW_MS, heardAtMs: 0, isDead: false });
  }
}

function messageOf(type: TaskMessage["type"]): TaskMessage {
  if (type === "sleep") return { type, untilMs: NOW_MS + 5000 };
  return type === "error" ? { type, message: "bad" } : { type };
}

/** Metafora's table: from, and for each of MESSAGES to; "-" = invalid. */
const TABLE: readonly (readonly [TaskState, string])[] = [
  ["pending", "pending sleeping paused killed fault completed pending pending"],
  ["leased", "pending sleeping paused killed fault completed pending pending"],
  ["sleeping", "pending sleeping paused killed fault - sleeping sleeping"],
  ["paused", "pending sleeping paused killed - - paused paused"],
  ["fault", "- sleeping - - failed - - -"],
  ["completed", "- - - - - - - -"],
  ["killed", "- - - - - - - -"],
  ["failed", "- - - - - - - -"],
];

for (const [from, row] of TABLE) {
  test(`from ${from} each message leads where the table says`, () => {
    const to = MESSAGES.map((message) => nextState(from, message) ?? "-");
    expect(to.join(" ")).toBe(row);
  });
}

test("without a holder a command takes effect at once, and is stored", () => {
  for (const type of MESSAGES) {
    const bench = new Tasks();
    bench.command(messageOf(type));
    const expected = type === "error" ? "sleeping" : nextState("pending", type) ?? "invalid";
    expect(`${type} ${bench.record.state}`).toBe(`${type} ${expected}`);
  }
});

test("a shorter sleep overrides a longer one, and run ends it", () => {
  const bench = new Tasks();
  bench.command({ type: "sleep", untilMs: NOW_MS + 60_000 });
  bench.command({ type: "sleep", untilMs: NOW_MS + 1000 });
  expect(bench.record).toMatchObject({ state: "sleeping", wakeAtMs: NOW_MS + 1000 });
  bench.command({ type: "run" });
  expect(bench.record.state).toBe("pending");
});

test("an error while a task sleeps keeps its sleep, if that is longer", () => {
  const bench = new Tasks();
  bench.command({ type: "sleep", untilMs: NOW_MS + 3_600_000 });
  bench.command({ type: "error", message: "bad" });
  expect(bench.record).toMatchObject({ state: "sleeping", wakeAtMs: NOW_MS + 3_600_000 });
  expect(bench.record.errors).toMatchObject([{ kind: "error", message: "bad", node: -1 }]);
});

test("errors sent to a task fail it after its allowance", () => {
  const bench = new Tasks(3);
  bench.command({ type: "error", message: "1" });
  bench.command({ type: "error", message: "2" });
  expect(bench.record.state).toBe("sleeping");
  bench.command({ type: "error", message: "3" });
  expect(bench.record).toMatchObject({ state: "failed", finishedAtMs: NOW_MS });
});

test("commands to a leased task wait in order for its holder, and acks take them away", () => {
  const bench = new Tasks().lease();
  const first = bench.command({ type: "checkpoint" });
  const second = bench.command({ type: "pause" });
  expect(bench.record.state).toBe("leased");
  expect(bench.record.commands?.queued.map(({ no }) => no)).toEqual([first, second]);
  bench.settle({ type: "ack" }, first);
  expect(bench.record.commands?.queued.map(({ no }) => no)).toEqual([second]);
  bench.settle({ type: "pause" }, second);
  expect(bench.record).toMatchObject({ state: "paused", commands: { queued: [] } });
});

test("what waits when an attempt ends is carried out in order: a kill is not lost in a release", () => {
  const bench = new Tasks().lease();
  bench.command({ type: "pause" });
  bench.command({ type: "kill" });
  bench.command({ type: "run" });
  bench.settle({ type: "release" });
  expect(bench.record).toMatchObject({ state: "killed", commands: { queued: [] } });
  expect(bench.tasks.finishedCount).toBe(1);
});

test("what waits when the owner is lost is carried out as well, and can be undone", () => {
  const bench = new Tasks().lease();
  bench.command({ type: "kill" });
  bench.revert();
  expect(bench.record.state).toBe("killed");
  const other = new Tasks().lease();
  other.command({ type: "kill" });
  const before = other.record;
  other.tasks.apply(90, { type: "condemn", session });
  const undo = other.tasks.apply(91, { type: "revert", session, atMs: NOW_MS, heardAtMs: 0, isDead: false });
  expect([other.record.state, other.tasks.finishedCount]).toEqual(["killed", 1]);
  other.tasks.undo(undo!);
  expect([other.record, other.tasks.finishedCount]).toEqual([before, 0]);
});

test("a pause outlives the attempt: the task is not leased again until the command run", () => {
  const bench = new Tasks().lease().settle({ type: "pause" }).lease();
  expect(bench.record.state).toBe("paused");
  bench.command({ type: "run" });
  expect(bench.lease().record.state).toBe("leased");
});

test("a repeated command changes nothing, as long as its id is known", () => {
  const bench = new Tasks();
  bench.command({ type: "pause" }, 7);
  bench.command({ type: "run" }, 8);
  bench.command({ type: "pause" }, 7);
  expect(bench.record.state).toBe("pending");
  expect(bench.record.commands?.known).toEqual([7, 8]);
  for (let cid = 100; cid < 100 + LIMITS.commandsKnownMax + 5; cid++) {
    bench.command({ type: "checkpoint" }, cid);
  }
  expect(bench.record.commands?.known).toHaveLength(LIMITS.commandsKnownMax);
});

test("a task that has ended takes no command", () => {
  const bench = new Tasks();
  bench.command({ type: "kill" });
  const { record } = bench;
  bench.command({ type: "run" });
  expect(bench.record).toBe(record);
});

test("an error can pause or kill a task, as its error handler says", () => {
  const error = { type: "error", message: "bad", forMs: 0 } as const;
  const paused = new Tasks().lease().settle({ ...error, then: "pause" });
  expect(paused.record).toMatchObject({ state: "paused", errors: [{ message: "bad" }] });
  const killed = new Tasks().lease().settle({ ...error, then: "kill" });
  expect(killed.record).toMatchObject({ state: "killed", finishedAtMs: NOW_MS });
});

test("a declined lease is no attempt", () => {
  const bench = new Tasks().lease().settle({ type: "decline", forMs: 0 });
  expect(bench.record).toMatchObject({ state: "pending", attempt: 0, avoid: 1, fence: 2 });
});

test("a retry policy waits backoff times factor, up to its maximum, within its jitter", () => {
  const retry = { backoffMs: 100, factor: 3, maxMs: 2000, jitter: 0.5 };
  const waits = [0, 1, 2, 3].map((count) => {
    const errorAgesMs = Array.from({ length: count }, () => 0);
    return sleepAfterError({ attemptsMax: 9, attempt: count + 1, errorAgesMs, retry }, 0.5);
  });
  expect(waits).toEqual([100, 300, 900, 2000]);
  const first = { attemptsMax: 0, attempt: 1, errorAgesMs: [], retry };
  expect([sleepAfterError(first, 0), sleepAfterError(first, 1)]).toEqual([50, 150]);
});

test("the last eight errors are kept, oldest first", () => {
  const bench = new Tasks(100);
  for (let i = 1; i <= 10; i++) bench.command({ type: "error", message: `error ${i}` });
  expect(bench.record.errors.map(({ message }) => message)).toEqual(
    [3, 4, 5, 6, 7, 8, 9, 10].map((i) => `error ${i}`),
  );
});

test("what has ended, or never was, cannot be leased", () => {
  for (const settlement of [{ type: "complete", result: null }, { type: "kill" }] as const) {
    const bench = new Tasks().lease().settle(settlement);
    const { record } = bench;
    expect(bench.lease().record).toBe(record);
  }
  const tasks = new PartitionTasks();
  expect(tasks.apply(1, { type: "lease", id: "nobody", session, atMs: NOW_MS })).toBeNull();
  expect(tasks.records.size).toBe(0);
});

test("what a command ended was not ended by its last holder, whose late report is refused", () => {
  const kill = { type: "kill" } as const;
  const commanded = new Tasks().lease().settle({ type: "release" });
  commanded.command(kill);
  expect([commanded.record.state, endedBy(commanded.record, kill)]).toEqual(["killed", false]);
  const waited = new Tasks().lease();
  waited.command(kill);
  waited.settle({ type: "release" });
  expect([waited.record.state, endedBy(waited.record, kill)]).toEqual(["killed", false]);
  expect(endedBy(new Tasks().lease().settle(kill).record, kill)).toBe(true);
});

// ---- the order of what a holder reports ----------------------------------------------------------------

const checkpoint = (...bytes: number[]): Settlement => ({
  type: "checkpoint",
  state: Uint8Array.from(bytes),
});
const progress = (...bytes: number[]): Settlement => ({ type: "progress", value: Uint8Array.from(bytes) });

test("an older checkpoint that comes late replaces nothing", () => {
  const task = new Tasks().lease().settle(checkpoint(2), 0, 2).settle(checkpoint(1), 0, 1);
  expect([...task.record.checkpoint!]).toEqual([2]);
});

test("an older progress that comes late replaces nothing", () => {
  const task = new Tasks().lease().settle(progress(2), 0, 2).settle(progress(1), 0, 1);
  expect([...task.record.progress!]).toEqual([2]);
});

test("a checkpoint that a later progress overtook is stored", () => {
  const task = new Tasks().lease().settle(progress(2), 0, 2).settle(checkpoint(1), 0, 1);
  expect([...task.record.checkpoint!]).toEqual([1]);
});

test("the next attempt counts its checkpoints anew", () => {
  const task = new Tasks().lease().settle(checkpoint(9), 0, 9).settle({ type: "release" }, 0, 10);
  task.lease().settle(checkpoint(1), 0, 1);
  expect([...task.record.checkpoint!]).toEqual([1]);
});
