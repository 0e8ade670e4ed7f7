/** Handlers that give no sign of life, and a loop that stands still. */
import { expect, test } from "bun:test";
import type { AttemptAbortedError } from "../../../src/base/errors.ts";
import type { Context } from "../../../src/consumer/context.ts";
import { defineTask } from "../../../src/task/definition.ts";
import type { LoopBlockedInfo } from "../../../src/consumer/loop-watch.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";
import { Bench, resultOf } from "../../support/fake-coordinator.ts";

const BEAT_MS = 1000;
const GRACE_MS = 300;

interface Stage {
  readonly time: FakeEnvironment;
  readonly bench: Bench;
  /** What the handler of the n-th start was given. */
  readonly contexts: Context[];
  /** Ends the handler that was started last. */
  readonly end: (value: unknown) => void;
}

/** A handler that does nothing by itself. */
function stage(obeys: boolean): Stage {
  const time = new FakeEnvironment();
  const bench = new Bench(10, { environment: time });
  const contexts: Context[] = [];
  let last: PromiseWithResolvers<unknown>;
  const run = (_task: unknown, ctx: Context): Promise<unknown> => {
    contexts.push(ctx);
    const mine = Promise.withResolvers<unknown>();
    last = mine;
    if (obeys) ctx.signal.addEventListener("abort", () => mine.reject(ctx.signal.reason));
    return mine.promise;
  };
  bench.handle(run, defineTask({ name: "n" }), { beatTimeoutMs: BEAT_MS, graceMs: GRACE_MS });
  return { time, bench, contexts, end: (value) => last.resolve(value) };
}

/** Lets what was resolved come through. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a handler that is silent for too long is aborted for that, and its attempt is an error", async () => {
  const { time, bench, contexts } = stage(true);
  bench.start(7, { attemptsMax: 3 });
  time.advance(BEAT_MS - 1);
  expect(contexts[0]!.signal.aborted).toBe(false);
  time.advance(2);
  expect((contexts[0]!.signal.reason as AttemptAbortedError).reason).toBe("stuck");
  expect((await bench.settlement()).settlement).toMatchObject({
    type: "error",
    message: "no beat for 1000 ms",
  });
  bench.record();
  expect(bench.events.at(-1)).toMatchObject(["task:error", { reason: "no beat for 1000 ms" }]);
  expect(bench.events.at(-1)?.[1].overrun).toBeUndefined();
});

test("a beat, progress or a checkpoint is a sign of life", () => {
  const { time, bench, contexts } = stage(true);
  bench.start(7);
  for (let times = 0; times < 5; times++) {
    time.advance(BEAT_MS - 10);
    if (times % 3 === 0) contexts[0]!.beat();
    else if (times % 3 === 1) contexts[0]!.progress({ times });
    else void contexts[0]!.checkpoint({ times });
  }
  expect(contexts[0]!.signal.aborted).toBe(false);
  time.advance(BEAT_MS + 1);
  expect(contexts[0]!.signal.aborted).toBe(true);
});

test("what a stuck handler returns in its grace still completes the task", async () => {
  const { time, bench, end } = stage(false);
  bench.start(7);
  time.advance(BEAT_MS + 1);
  end("late but there");
  expect(resultOf(await bench.settlement())).toBe("late but there");
});

test("a stuck handler that ignores its signal is given up, and its slot stays taken", async () => {
  const { time, bench, end } = stage(false);
  bench.start(7, { attemptsMax: 1 });
  time.advance(BEAT_MS + GRACE_MS - 1);
  expect(bench.settled).toEqual([]);
  time.advance(2);
  expect(bench.settled[0]?.settlement).toMatchObject({ type: "fail", message: "no beat for 1000 ms" });
  expect(bench.offers.at(-1)).toEqual([9, ["n"], "up"]);
  bench.record();
  expect(bench.events.at(-1)).toMatchObject(["task:error", { task: "t", overrun: true }]);
  end("far too late");
  await settle();
  expect(bench.settled).toHaveLength(1);
  expect(bench.events.at(-1)).toMatchObject(["task:lost", { reason: expect.stringContaining("ignored") }]);
  expect(bench.offers.at(-1)).toEqual([10, ["n"], "up"]);
  expect(bench.consumer.runningCount).toBe(0);
});

test("a handler that ignores a command is given up, and its task becomes what was asked for", () => {
  for (const message of [{ type: "kill" }, { type: "pause" }] as const) {
    const { time, bench } = stage(false);
    bench.start(7);
    bench.consumer.command(1, 7, 3, message);
    time.advance(BEAT_MS + GRACE_MS + 1);
    expect(bench.settled.map(({ settlement }) => settlement)).toEqual([message]);
    bench.record();
    expect(bench.events.at(-1)).toMatchObject(["task:released", { reason: message.type, overrun: true }]);
  }
});

test("no other attempt at its task begins beside a handler that was given up", async () => {
  const { time, bench, contexts, end } = stage(false);
  bench.start(7, { attemptsMax: 3 });
  time.advance(BEAT_MS + GRACE_MS + 1);
  bench.record();
  bench.start(9, { attempt: 2 });
  expect(contexts).toHaveLength(1);
  time.advance(3000);
  expect(bench.settled.at(-1)).toMatchObject({ fence: 9, settlement: { type: "release" } });
  bench.record();
  bench.start(11, { attempt: 3 });
  end("at last");
  await settle();
  expect(contexts.map((ctx) => ctx.fence)).toEqual([7n, 11n]);
});

test("a drain waits for a handler that was given up", async () => {
  const { time, bench, end } = stage(false);
  bench.start(7);
  time.advance(BEAT_MS + GRACE_MS + 1);
  bench.record();
  let isDrained = false;
  const drained = bench.consumer.drain("drain").then(() => isDrained = true);
  await settle();
  expect(isDrained).toBe(false);
  end(undefined);
  await drained;
});

test("a lease that ends in the grace is lost, and nothing is recorded", async () => {
  const { time, bench, end } = stage(false);
  bench.start(7);
  time.advance(BEAT_MS + 1);
  bench.consumer.lost(1, 7, "lapsed");
  time.advance(GRACE_MS);
  end("late");
  await settle();
  expect(bench.settled).toEqual([]);
  expect(bench.eventTypes).toEqual(["task:start", "task:lost", "task:lost"]);
});

test("while the loop stands still nobody can beat, so that is no silence", () => {
  const { time, bench, contexts } = stage(true);
  bench.start(7);
  time.standStill(10 * BEAT_MS);
  time.advance(1);
  expect(contexts[0]!.signal.aborted).toBe(false);
  contexts[0]!.beat();
  time.advance(BEAT_MS - 1);
  expect(contexts[0]!.signal.aborted).toBe(false);
  time.advance(BEAT_MS);
  expect(contexts[0]!.signal.aborted).toBe(true);
});

test("a loop that stood still is reported with the tasks that ran in it, the ended first", async () => {
  const time = new FakeEnvironment();
  const blocked: LoopBlockedInfo[] = [];
  const bench = new Bench(10, { environment: time, onBlocked: (info) => blocked.push(info) });
  bench.handle(() => new Promise(() => {}));
  bench.handle(() => time.standStill(2500), defineTask({ name: "blocks" }));
  bench.handle(() => new Promise(() => {}), defineTask({ name: "thread" }), { isIsolated: true });
  bench.consumer.watchLoop();
  bench.start(7, { id: "waits" });
  bench.start(8, { id: "elsewhere", name: "thread" });
  time.advance(1000);
  bench.start(9, { id: "blocks", name: "blocks" });
  await settle();
  time.advance(1000);
  expect(blocked).toEqual([{ blockedMs: 2400, tasks: ["blocks", "waits"] }]);
  time.standStill(450);
  time.advance(1000);
  expect(blocked).toHaveLength(1);
  bench.consumer.lose();
  time.standStill(5000);
  time.advance(5000);
  expect(blocked).toHaveLength(1);
});
