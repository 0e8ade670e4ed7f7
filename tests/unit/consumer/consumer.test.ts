/** How handlers run and end. */
import { expect, test } from "bun:test";
import { z } from "zod";
import { AttemptAbortedError } from "../../../src/base/errors.ts";
import type { Context } from "../../../src/consumer/context.ts";
import { defineTask } from "../../../src/task/definition.ts";
import { encodeValue } from "../../../src/task/values.ts";
import { Bench, resultOf } from "../../support/fake-coordinator.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";

const untilAborted = (ctx: Context): Promise<never> =>
  new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));

test("what a handler returns completes the task, once a quorum has recorded it", async () => {
  const bench = new Bench();
  bench.handle((task) => Promise.resolve({ got: task.input }));
  bench.start(7, { input: { a: 1 } });
  expect(resultOf(await bench.settlement())).toEqual({ got: { a: 1 } });
  expect(bench.eventTypes).toEqual(["task:start"]);
  bench.record();
  expect(bench.eventTypes).toEqual(["task:start", "task:done"]);
});

test("a handler that returns nothing completes the task without a result", async () => {
  const bench = new Bench();
  bench.handle(() => undefined);
  bench.start(7);
  expect((await bench.settlement()).settlement).toEqual({ type: "complete", result: null });
});

test("a handler that throws at once, or what is no Error, is an error of the task", async () => {
  for (const thrown of [new Error("bad"), "text", { odd: 1 }, null, undefined, 5n]) {
    const bench = new Bench();
    bench.handle(() => {
      throw thrown;
    });
    bench.start(7, { attemptsMax: 2 });
    const { settlement } = await bench.settlement();
    expect(settlement.type).toBe("error");
    bench.record();
    expect(bench.eventTypes).toEqual(["task:start", "task:error"]);
    expect(bench.events[1]?.[1].reason).not.toBe("");
  }
});

test("a result that cannot travel is an error of the task", async () => {
  const bench = new Bench();
  bench.handle(() => new Map());
  bench.start(7, { attemptsMax: 1 });
  const { settlement } = await bench.settlement();
  expect(settlement).toMatchObject({ type: "fail", message: expect.stringContaining("an instance of Map") });
});

test("an input that does not fit never reaches the handler", async () => {
  const bench = new Bench();
  const definition = defineTask({
    name: "n",
    input: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({ issues: [{ message: "must be odd", path: ["n"] }] }),
      },
    },
  });
  bench.handle(() => {
    throw new Error("ran");
  }, definition);
  bench.start(7, { attemptsMax: 1 });
  const { settlement } = await bench.settlement();
  expect(settlement).toMatchObject({ type: "fail", message: expect.stringContaining("n: must be odd") });
});

test("a result that does not fit is an error, one that fits is stored as the schema makes it", async () => {
  const definition = defineTask({ name: "n", output: z.string().transform((text) => text.length) });
  const bad = new Bench();
  bad.handle(() => Promise.resolve(7), definition);
  bad.start(7, { attemptsMax: 1 });
  const message = expect.stringContaining('Cannot complete task "n": its result does not fit: ');
  expect((await bad.settlement()).settlement).toMatchObject({ type: "fail", message });
  const good = new Bench();
  good.handle(() => "four", definition);
  good.start(7);
  expect(resultOf(await good.settlement())).toBe(4);
});

test("an asynchronous schema is waited for, and the handler gets what it returns", async () => {
  const bench = new Bench();
  const definition = defineTask({
    name: "n",
    input: {
      "~standard": { version: 1, vendor: "test", validate: (value) => Promise.resolve({ value: [value] }) },
    },
  });
  bench.handle((task) => task.input, definition);
  bench.start(7, { input: "x" });
  expect(resultOf(await bench.settlement())).toEqual(["x"]);
});

test("a handler sees its fence, its attempt, its deadline and the last checkpoint", async () => {
  const bench = new Bench(10, { environment: new FakeEnvironment() });
  bench.handle((task, ctx) => [ctx.fence, ctx.attempt, ctx.deadline, task.state]);
  bench.start(7, { attempt: 3, checkpoint: encodeValue({ at: 5 }, "checkpoint") });
  expect(resultOf(await bench.settlement())).toEqual([7n, 3, 9e15, { at: 5 }]);
});

test("before the lease ends the signal aborts, and a handler that obeys releases the task", async () => {
  const bench = new Bench();
  const reasons: unknown[] = [];
  bench.handle((_task, ctx) =>
    untilAborted(ctx).catch((error) => {
      reasons.push(error);
      throw error;
    })
  );
  bench.start(7);
  bench.consumer.abort(1, 7);
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  expect(reasons[0]).toBeInstanceOf(AttemptAbortedError);
  expect((reasons[0] as AttemptAbortedError).reason).toBe("lapsing");
  bench.record();
  expect(bench.events.at(-1)).toMatchObject(["task:released", { task: "t", fence: "7", reason: "lapsing" }]);
});

test("after the abort a value still completes, returning nothing releases", async () => {
  for (const value of ["value", undefined]) {
    const bench = new Bench();
    bench.handle((_task, ctx) => untilAborted(ctx).catch(() => value));
    bench.start(7);
    bench.consumer.abort(1, 7);
    expect((await bench.settlement()).settlement.type).toBe(value === undefined ? "release" : "complete");
  }
});

test("a signal that is asked for after the abort has aborted already", async () => {
  const bench = new Bench();
  const go = Promise.withResolvers<void>();
  bench.handle(async (_task, ctx) => {
    await go.promise;
    return ctx.signal.aborted;
  });
  bench.start(7);
  bench.consumer.abort(1, 7);
  go.resolve();
  expect(resultOf(await bench.settlement())).toBe(true);
});

test("an overrun is reported when the lease ends, and its late result is ignored", async () => {
  const environment = new FakeEnvironment();
  const bench = new Bench(10, { environment });
  const go = Promise.withResolvers<string>();
  const seen = Promise.withResolvers<Context>();
  bench.handle((_task, ctx) => (seen.resolve(ctx), go.promise));
  bench.start(7);
  const ctx = await seen.promise;
  bench.consumer.lost(1, 7, "lapsed");
  expect(bench.events.at(-1)).toMatchObject(["task:lost", { task: "t", reason: "lapsed", overrun: true }]);
  expect(ctx.signal.aborted).toBe(true);
  const frozenMs = ctx.deadline;
  expect(frozenMs).toBe(environment.nowMs);
  bench.validUntilMs = 9.1e15;
  expect(ctx.deadline).toBe(frozenMs);
  go.resolve("late");
  while (bench.events.length < 3) await Promise.resolve();
  expect(bench.events.at(-1)).toMatchObject(["task:lost", { reason: expect.stringContaining("ignored") }]);
  expect(bench.settled).toEqual([]);
  expect(bench.consumer.runningCount).toBe(0);
});

test("a completion that is refused is a loss", async () => {
  const bench = new Bench();
  bench.handle(() => "done");
  bench.start(7);
  await bench.settlement();
  bench.record(false);
  expect(bench.events.at(-1)).toMatchObject(["task:lost", { reason: expect.stringContaining("refused") }]);
});

test("a task that still runs under an older fence is waited for", async () => {
  const bench = new Bench();
  const ends = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let calls = 0;
  bench.handle(() => ends[calls++]?.promise);
  bench.start(7);
  bench.consumer.lost(1, 7, "lapsed");
  bench.start(9, { attempt: 2 });
  expect(calls).toBe(1);
  ends[0]?.resolve("old");
  while (calls < 2) await Promise.resolve();
  ends[1]?.resolve("new");
  const settled = await bench.settlement();
  expect([settled.fence, resultOf(settled)]).toEqual([9, "new"]);
});

test("a new lease that ends while the old attempt still runs is given back unused", async () => {
  const bench = new Bench();
  bench.handle(() => new Promise(() => {}));
  bench.start(7);
  bench.consumer.lost(1, 7, "lapsed");
  bench.start(9, { attempt: 2 });
  bench.consumer.abort(1, 9);
  expect(await bench.settlement()).toMatchObject({ fence: 9, settlement: { type: "release" } });
});

test("draining offers nothing, stops handlers, and is over when their releases are recorded", async () => {
  const bench = new Bench();
  bench.handle((_task, ctx) => untilAborted(ctx));
  bench.start(7);
  let isOver = false;
  const drained = bench.consumer.drain("drain").then(() => isOver = true);
  expect(bench.offers.at(-1)).toEqual([0, ["n"], "draining"]);
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  expect(isOver).toBe(false);
  bench.record();
  await drained;
  expect(bench.events.at(-1)).toMatchObject(["task:released", { reason: "drain" }]);
});

test("what is granted to a draining node, or without a handler, goes back", async () => {
  const bench = new Bench();
  bench.start(7);
  expect(await bench.settlement()).toMatchObject({ fence: 7, settlement: { type: "release" } });
});

test("two handlers of one name are a mistake", () => {
  const bench = new Bench();
  bench.handle(() => 1);
  expect(() => bench.handle(() => 2)).toThrow('Cannot add a handler: there is one for "n" already');
});

test("a schema that takes longer than the lease keeps the handler from starting", async () => {
  const bench = new Bench();
  const schema = Promise.withResolvers<{ value: unknown }>();
  const definition = defineTask({
    name: "n",
    input: { "~standard": { version: 1, vendor: "test", validate: () => schema.promise } },
  });
  let calls = 0;
  bench.handle(() => calls++, definition);
  bench.start(7);
  bench.consumer.abort(1, 7);
  schema.resolve({ value: 1 });
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  expect(calls).toBe(0);
});

test("when the node stops, what runs is reported once and nothing after it", async () => {
  const bench = new Bench();
  const go = Promise.withResolvers<string>();
  bench.handle(() => go.promise);
  bench.start(7);
  bench.consumer.lose();
  go.resolve("late");
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(bench.events.slice(1)).toMatchObject([["task:lost", { reason: "stop", overrun: true }]]);
  expect(bench.settled).toEqual([]);
});

test("no handler is called under a lease that ends within the margin: the task is given back", async () => {
  const bench = new Bench();
  let calls = 0;
  bench.handle(() => void calls++);
  bench.mayBegin = false;
  bench.start(7);
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  expect([calls, bench.events]).toEqual([0, []]);
});

test("an attempt that waited for an older one is not called once its lease has ended", async () => {
  const bench = new Bench();
  const first = Promise.withResolvers<void>();
  let calls = 0;
  bench.handle(() => ++calls === 1 ? first.promise : undefined);
  bench.start(7);
  bench.start(8);
  bench.mayBegin = false;
  first.resolve();
  await bench.settlement();
  await bench.settlement();
  expect(calls).toBe(1);
  expect(bench.settled.map(({ fence, settlement }) => [fence, settlement.type])).toEqual([
    [7, "complete"],
    [8, "release"],
  ]);
});

test("an input whose check took longer than the lease stands does not reach the handler", async () => {
  const bench = new Bench();
  const checked = Promise.withResolvers<{ value: unknown }>();
  const schema = { "~standard": { version: 1 as const, vendor: "test", validate: () => checked.promise } };
  let calls = 0;
  bench.handle(() => void calls++, defineTask({ name: "n", input: schema }));
  bench.start(7);
  bench.mayBegin = false;
  checked.resolve({ value: 1 });
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  expect(calls).toBe(0);
});

test("what a handler throws because its lease ends is no error of the task", async () => {
  const late = new Bench();
  late.validUntilMs = performance.now() - 1;
  late.handle(() => Promise.reject(new Error("killed")));
  late.start(7);
  expect((await late.settlement()).settlement).toEqual({ type: "release" });
  const cut = new Bench();
  cut.handle(() => Promise.reject(new AttemptAbortedError("Cannot go on: its leash ended it", "lapsed")));
  cut.start(7);
  expect((await cut.settlement()).settlement).toEqual({ type: "release" });
});

test("leases of two partitions stay apart, however large fences have become by recoveries", () => {
  const bench = new Bench();
  const signals = new Map<string, AbortSignal>();
  bench.handle((task, ctx) => {
    signals.set(task.id, ctx.signal);
    return untilAborted(ctx).catch(() => {});
  });
  // two recoveries leap by 2 million million
  const fence = 2_002_000_000_007;
  bench.start(fence, { p: 0, id: "a" });
  bench.start(fence - 2 ** 40, { p: 1, id: "b" });
  bench.consumer.abort(0, fence);
  expect([...signals].map(([id, { aborted }]) => [id, aborted])).toEqual([["a", true], ["b", false]]);
});
