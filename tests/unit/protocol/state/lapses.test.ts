/** What becomes of tasks whose nodes die, and of tasks whose time is over. */
import { expect, test } from "bun:test";
import type { Settlement, TaskOptions, TaskRecord } from "../../../../src/protocol/model/types.ts";
import {
  chargedLapses,
  isOnProbation,
  isUnproven,
  suspicionOf,
} from "../../../../src/protocol/state/lapses.ts";
import { PartitionTasks, type Undo } from "../../../../src/protocol/state/partition-tasks.ts";
import { cleared, lastErrorOf } from "../../../../src/protocol/state/task-machine.ts";
import { PLAIN_OPTIONS, taskSpec } from "../../../support/tasks.ts";

/** One task on nodes that die: each lease is another node's, so no session is used twice. */
class Life {
  readonly tasks: PartitionTasks = new PartitionTasks();
  nowMs = 1000;
  #index = 1;
  #node = 0;

  constructor(options: Partial<TaskOptions> = {}) {
    const spec = taskSpec("t", { options: { ...PLAIN_OPTIONS, ...options } });
    this.tasks.apply(1, { type: "submit", spec, atMs: this.nowMs });
  }

  get record(): TaskRecord {
    return this.tasks.records.get("t")!;
  }

  /** Leased now, or when its sleep is over. */
  lease(): this {
    this.nowMs = Math.max(this.nowMs, this.record.wakeAtMs);
    const session = { node: ++this.#node, boot: 1, n: 1 };
    this.tasks.apply(++this.#index, { type: "lease", id: "t", session, atMs: this.nowMs });
    return this;
  }

  settle(settlement: Settlement, seq = 1): this {
    const { fence } = this.record;
    const settle = { type: "settle", id: "t", fence, seq, upTo: this.#index, settlement } as const;
    this.tasks.apply(++this.#index, { ...settle, atMs: this.nowMs });
    return this;
  }

  /** It runs for so long, then its node is heard no more, and 8 s later its lease is taken back. */
  lapse(ranMs: number, isDead = true): Undo | null {
    const session = this.record.session!;
    const heardAtMs = this.nowMs + ranMs;
    this.nowMs = heardAtMs + 8000;
    this.tasks.apply(++this.#index, { type: "condemn", session });
    const end = { atMs: this.nowMs, heardAtMs, isDead };
    return this.tasks.apply(++this.#index, { type: "revert", session, ...end });
  }

  expire(): this {
    this.tasks.apply(++this.#index, { type: "expire", id: "t", atMs: this.nowMs });
    return this;
  }

  alive(node: number): Undo | null {
    return this.tasks.apply(++this.#index, { type: "alive", node, boot: 1 });
  }
}

test("a task that kills its nodes pauses longer and longer, and is poison at the seventh", () => {
  const life = new Life();
  const pauses: number[] = [];
  let deaths = 0;
  while (life.record.state !== "failed") {
    life.lease().lapse(100);
    deaths++;
    if (life.record.state === "sleeping") pauses.push(life.record.wakeAtMs - life.nowMs);
  }
  expect([deaths, pauses]).toEqual([7, [95_000, 35_000, 35_000, 60_000, 300_000]]);
  expect(life.record).toMatchObject({ failedBecause: "poison", finishedAtMs: life.nowMs, errors: [] });
  expect(lastErrorOf(life.record)).toContain("7 times in succession, 5 of them");
  expect(life.tasks.finished.count).toBe(1);
});

test("so many charged lapses as the task may have end it", () => {
  const life = new Life({ lapsesMax: 1 });
  for (let at = 0; at < 2; at++) life.lease().lapse(100);
  expect([life.record.state, isOnProbation(life.record)]).toEqual(["sleeping", true]);
  life.lease().lapse(100);
  expect(life.record.failedBecause).toBe("poison");
});

test("a node that falls silent charges its tasks with nothing, however often", () => {
  const life = new Life({ lapsesMax: 1 });
  for (let at = 0; at < 20; at++) life.lease().lapse(100, false);
  expect(life.record).toMatchObject({ state: "pending", attempt: 20, lapsesInSuccession: 0, errors: [] });
  expect(life.record.lapses).toHaveLength(10);
  expect(suspicionOf(life.record)).toBeNull();
});

test("the first death makes a suspect of a young attempt only", () => {
  const young = new Life();
  young.lease().lapse(4999);
  expect(suspicionOf(young.record)).toMatchObject({ ranMs: 4999, isCounted: true });
  const old = new Life();
  old.lease().lapse(5000);
  expect([suspicionOf(old.record), old.record.state]).toEqual([null, "pending"]);
});

test("half a minute or a checkpoint proves that a task is harmless; less, or other words, do not", () => {
  const onProbation = (): Life => {
    const life = new Life();
    for (let at = 0; at < 2; at++) life.lease().lapse(10_000);
    return life.lease();
  };
  const stored = onProbation().settle({ type: "checkpoint", state: new Uint8Array(1) });
  expect(isOnProbation(stored.record)).toBe(false);
  const short = onProbation();
  short.nowMs += 29_999;
  expect(isUnproven(short.record, short.nowMs)).toBe(true);
  short.settle({ type: "release" });
  expect(isOnProbation(short.record)).toBe(true);
  short.lease();
  expect(isUnproven(short.record, short.nowMs + 1)).toBe(false);
  const long = onProbation();
  long.nowMs += 30_000;
  expect(isUnproven(long.record, long.nowMs)).toBe(false);
  long.settle({ type: "release" });
  expect(long.record.lapsesInSuccession).toBe(0);
});

test("a task that is moved about keeps what it has shown until a node dies under it", () => {
  const life = new Life();
  for (let at = 0; at < 3; at++) {
    life.lease();
    life.nowMs += 10_000;
    life.settle({ type: "release" });
  }
  expect(life.record.harmlessMs).toBe(30_000);
  life.lease().lapse(100);
  expect(life.record).toMatchObject({ lapsesInSuccession: 0, harmlessMs: 0, lapses: [{ isCounted: false }] });
  life.lease().lapse(100);
  expect(life.record.lapsesInSuccession).toBe(1);
});

test("a death after half a minute counts for nothing, and nothing before it does any more", () => {
  const life = new Life();
  for (let at = 0; at < 4; at++) life.lease().lapse(100);
  expect(chargedLapses(life.record)).toBe(2);
  life.lease().lapse(30_000);
  expect(life.record).toMatchObject({ state: "pending", lapsesInSuccession: 0 });
  expect(life.record.lapses.at(-1)).toMatchObject({ ranMs: 30_000, isCounted: false });
});

test("what lost its node beside a task on probation has proved to be harmless when that starts again", () => {
  const [poison, other] = [new Life(), new Life()];
  for (let at = 0; at < 2; at++) {
    poison.lease().lapse(100);
    other.lease();
    other.lapse(100);
    other.lease();
    other.nowMs += 30_000;
    expect(other.settle({ type: "ack" }).record.lapsesInSuccession).toBe(0);
    other.settle({ type: "release" }, 2);
  }
  expect(poison.record.wakeAtMs - poison.nowMs).toBeGreaterThan(30_000);
});

test("who was taken for dead and is heard again takes its lapse with it, and that can be undone", () => {
  const life = new Life();
  for (let at = 0; at < 3; at++) life.lease().lapse(100);
  const before = life.record;
  const undo = life.alive(2);
  expect(life.record.lapses.map(({ isCounted }) => isCounted)).toEqual([true, false, true]);
  expect(life.record.lapsesInSuccession).toBe(2);
  expect(life.alive(2)).toBeNull();
  life.tasks.undo(undo!);
  expect(life.record).toBe(before);
});

test("what waits when its time is over fails at once, in whatever state it waits", () => {
  const asleep = new Life({ expiresMs: 100 }).lease().settle({ type: "sleep", forMs: 60_000 });
  const paused = new Life({ expiresMs: 100 }).lease().settle({ type: "pause" });
  for (const life of [new Life({ expiresMs: 100 }), asleep, paused]) {
    life.nowMs = 1099;
    expect(life.expire().record.state).not.toBe("failed");
    life.nowMs = 1100;
    expect(life.expire().record).toMatchObject({ state: "failed", failedBecause: "expired" });
    expect(lastErrorOf(life.record)).toBe("expired: it had not ended 100 ms after its submit");
  }
});

test("nothing is leased from its time on", () => {
  const life = new Life({ expiresMs: 100 });
  life.nowMs = 1100;
  expect(life.lease().record.state).toBe("pending");
});

test("a held task is told that its time is over, and has failed when its holder says that it ended", () => {
  const endings: Settlement[] = [
    { type: "release" },
    { type: "complete", result: new Uint8Array(1) },
    { type: "error", message: "stopped", forMs: 0 },
    { type: "fail", message: "", because: "expired" },
  ];
  for (const ending of endings) {
    const life = new Life({ expiresMs: 100 }).lease();
    life.nowMs = 1100;
    life.expire().expire();
    expect(life.record).toMatchObject({ state: "leased", failedBecause: null });
    expect(life.record.commands?.queued.map(({ message }) => message.type)).toEqual(["expire"]);
    life.settle({ type: "progress", value: new Uint8Array(2) });
    expect(life.record.state).toBe("leased");
    life.settle(ending, 2);
    expect(life.record).toMatchObject({ state: "failed", failedBecause: "expired", result: null });
    expect(life.record.commands?.queued).toEqual([]);
  }
});

test("a completion that was recorded before its time was over counts", () => {
  const life = new Life({ expiresMs: 100 }).lease().settle({ type: "complete", result: null });
  life.nowMs = 1100;
  expect(life.expire().record).toMatchObject({ state: "completed", failedBecause: null });
});

test("a held task whose time is over has failed when its lease has ended", () => {
  const life = new Life({ expiresMs: 100 }).lease();
  life.nowMs = 1100;
  life.expire().lapse(0, false);
  expect(life.record).toMatchObject({ state: "failed", failedBecause: "expired" });
});

test("a cleared record has its fence and nothing that went wrong, and its time begins anew", () => {
  const life = new Life({ expiresMs: 600_000, lapsesMax: 1 });
  for (let at = 0; at < 3; at++) life.lease().lapse(100);
  const { fence, checkpoint } = life.record;
  expect(cleared(life.record, 5_000_000)).toMatchObject({
    ...{ fence, checkpoint, attempt: 0, errors: [], lapses: [], lapsesInSuccession: 0 },
    ...{ failedBecause: null, expiresAtMs: 5_600_000 },
  });
});
