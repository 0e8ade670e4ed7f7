/** Handlers in threads, with a coordinator that does what the test says. On Bun; tests/e2e has the others. */
import { afterAll, expect, test } from "bun:test";
import { ThreadPool } from "../../../../src/consumer/threads/thread-pool.ts";
import { defineTask } from "../../../../src/task/definition.ts";
import type { HandlerOptions } from "../../../../src/consumer/handler.ts";
import { decodeValue } from "../../../../src/task/values.ts";
import { Bench, resultOf } from "../../../support/fake-coordinator.ts";

const MODULE = new URL("../../../support/thread-handler.ts", import.meta.url);
const NONE = new URL("../../../support/records.ts", import.meta.url);

const pools: ThreadPool[] = [];
afterAll(() => Promise.all(pools.map((pool) => pool.end())));

function stage(options: HandlerOptions = {}, module: URL = MODULE): { bench: Bench; pool: ThreadPool } {
  const pool = new ThreadPool(4);
  pools.push(pool);
  const bench = new Bench();
  bench.handle(pool.handler(module, options), defineTask({ name: "n" }), { ...options, isIsolated: true });
  return { bench, pool };
}

async function completion(bench: Bench): Promise<void> {
  while (bench.settled.at(-1)?.settlement.type !== "complete") {
    await bench.settlement(bench.settled.length + 1);
  }
}

const instructed = (how: string, value?: unknown): { input: unknown; attemptsMax: number } => ({
  input: { how, value },
  attemptsMax: 1,
});

test("a thread's handler is given task and context, and its value completes the task", async () => {
  const { bench } = stage();
  const value = { big: 5n, at: new Date(7), bytes: Uint8Array.of(1, 2), no: undefined };
  bench.start(7, { ...instructed("echo", value), attempt: 3 });
  expect(resultOf(await bench.settlement())).toEqual({
    value,
    id: "t",
    name: "n",
    fence: 7n,
    attempt: 3,
    state: undefined,
  });
});

test("a thread is taken again for the next attempt, and another one beside it", async () => {
  const { bench, pool } = stage();
  bench.start(7, { id: "a", ...instructed("thread") });
  const first = resultOf(await bench.settlement()) as { runCount: number; thread: string };
  bench.start(8, { id: "b", ...instructed("thread") });
  expect(resultOf(await bench.settlement(2))).toEqual({ runCount: 2, thread: first.thread });
  bench.start(9, { id: "c", ...instructed("until-aborted") });
  bench.start(10, { id: "d", ...instructed("thread") });
  expect(resultOf(await bench.settlement(3))).not.toMatchObject({ thread: first.thread });
  expect(pool.count).toBe(2);
});

test("what a thread's handler throws, or how its thread ends, is an error of its attempt", async () => {
  const messages: Readonly<Record<string, string>> = {
    "throw": "out of range",
    "throw-text": "a text",
    "uncaught": "thrown by a timer",
    "exit": "the handler's thread ended with exit code 3",
    "unsendable": "an instance of Map",
  };
  const { bench } = stage();
  for (const [at, how] of Object.keys(messages).entries()) {
    bench.start(7 + at, { id: how, ...instructed(how) });
    const { settlement } = await bench.settlement(at + 1);
    expect(settlement).toMatchObject({ type: "fail", message: expect.stringContaining(messages[how]!) });
  }
});

test("a module without a function as its default export is an error of the attempt", async () => {
  const { bench } = stage({}, NONE);
  bench.start(7, instructed("echo"));
  expect((await bench.settlement()).settlement).toMatchObject({
    type: "fail",
    message: expect.stringContaining("must be a function, got undefined"),
  });
});

test("a checkpoint goes to the quorum and back to the thread", async () => {
  const { bench } = stage();
  bench.start(7, instructed("checkpoint"));
  expect((await bench.settlement()).settlement.type).toBe("checkpoint");
  bench.record();
  expect((await bench.settlement(2)).settlement).toMatchObject({ type: "fail", message: "again, please" });
});

test("a handler that obeys its signal in time keeps its thread", async () => {
  const { bench, pool } = stage();
  bench.start(7, instructed("until-aborted"));
  bench.consumer.abort(1, 7);
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  expect(pool.count).toBe(1);
});

test("a loop that never waits sees the renewed deadline and the abort", async () => {
  const { bench } = stage();
  bench.validUntilMs = performance.now() + 60_000;
  bench.start(7, instructed("spin-until-renewed"));
  // the handler may begin after any of them, and sees the next
  const renewing = setInterval(() => {
    bench.validUntilMs += 1000;
    bench.renew?.();
  }, 10);
  expect(resultOf(await bench.settlement())).toBe("renewed");
  clearInterval(renewing);
  bench.start(8, { id: "u", ...instructed("spin-until-aborted") });
  bench.consumer.abort(1, 8);
  expect((await bench.settlement(2)).settlement).toEqual({ type: "release" });
});

test("a loop that never ends is ended after its grace, and its attempt is released", async () => {
  const { bench, pool } = stage({ graceMs: 50 });
  bench.start(7, instructed("report-and-spin"));
  expect((await bench.settlement()).settlement.type).toBe("progress");
  bench.consumer.abort(1, 7);
  expect((await bench.settlement(2)).settlement).toEqual({ type: "release" });
  expect(pool.count).toBe(0);
});

test("a thread ends with its lease, however long its grace", async () => {
  const { bench } = stage({ graceMs: 60_000 });
  bench.validUntilMs = performance.now() + 60_000;
  bench.start(7, instructed("report-and-spin"));
  expect((await bench.settlement()).settlement.type).toBe("progress");
  bench.validUntilMs = performance.now() + 100;
  bench.renew?.();
  bench.consumer.abort(1, 7);
  expect((await bench.settlement(2)).settlement).toEqual({ type: "release" });
});

test("a thread whose lease is lost is ended at once, and nothing of it is recorded", async () => {
  const { bench, pool } = stage({ graceMs: 60_000 });
  bench.start(7, { id: "a", ...instructed("spin") });
  bench.consumer.lost(1, 7, "condemned");
  bench.start(8, { id: "b", ...instructed("echo") });
  await bench.settlement();
  expect(bench.settled.map(({ id }) => id)).toEqual(["b"]);
  await pool.end();
  expect(pool.count).toBe(0);
});

test("a loop that never ends and never beats is an error; one that beats in its loop is none", async () => {
  const { bench } = stage({ beatTimeoutMs: 1500, graceMs: 1000 });
  bench.start(7, { id: "silent", ...instructed("spin") });
  bench.start(8, { id: "beating", ...instructed("spin-beating") });
  expect(await bench.settlement()).toMatchObject({
    id: "silent",
    settlement: { type: "fail", message: "no beat for 1500 ms" },
  });
  bench.consumer.abort(1, 8);
  // it returns a number: that completes it
  expect(await bench.settlement(2)).toMatchObject({ id: "beating", settlement: { type: "complete" } });
});

test("a pool that is full ends an idle thread of another module for a new one", async () => {
  const { bench, pool } = stage();
  bench.handle(pool.handler(NONE, {}), defineTask({ name: "other" }), { isIsolated: true });
  for (let fence = 1; fence <= 4; fence++) bench.start(fence, { id: `x${fence}`, ...instructed("echo") });
  await bench.settlement(4);
  expect(pool.count).toBe(4);
  // each in turn: one that was ended is not there to be ended again
  for (let fence = 5; fence <= 7; fence++) {
    const others = Array.from({ length: fence - 4 }, (_, at) => `y${fence}${at}`);
    const before = bench.settled.length;
    others.forEach((id, at) => bench.start(10 * fence + at, { id, name: "other", ...instructed("echo") }));
    await bench.settlement(before + others.length);
    expect(pool.count).toBe(4);
  }
});

test("progress of a thread is recorded, the newest before the end, and too much of it refused", async () => {
  const { bench } = stage();
  bench.start(7, instructed("progress"));
  await completion(bench);
  const values = bench.settled.flatMap(({ settlement }) =>
    settlement.type === "progress" ? [decodeValue(settlement.value, "progress")] : []
  );
  expect(values.length).toBeLessThan(100);
  expect(values.at(-1)).toEqual({ at: 999 });
  const before = bench.settled.length;
  bench.start(8, { id: "u", ...instructed("too-much-progress") });
  expect((await bench.settlement(before + 1)).settlement).toMatchObject({
    type: "fail",
    message: expect.stringContaining("it may have 4096 bytes"),
  });
});

test("what an aborted handler in a thread hands over is stored before its release", async () => {
  const { bench } = stage();
  bench.start(7, instructed("hand-off"));
  expect((await bench.settlement()).settlement.type).toBe("progress");
  bench.consumer.abort(1, 7);
  await bench.settlement(3);
  const [, state, release] = bench.settled.map(({ settlement }) => settlement);
  expect(state?.type === "checkpoint" && decodeValue(state.state, "state")).toEqual({ at: 5n });
  expect(release).toEqual({ type: "release" });
});

test("a thread's handler reads commands in order, and they are acked as it carries them out", async () => {
  const { bench } = stage();
  bench.start(7, instructed("commands"));
  bench.consumer.command(1, 7, 21, { type: "checkpoint" });
  bench.consumer.command(1, 7, 22, { type: "checkpoint" });
  await completion(bench);
  expect(bench.settled.map(({ settlement, upTo }) => [settlement.type, upTo])).toEqual([
    ["ack", 21],
    ["ack", 22],
    ["complete", 22],
  ]);
  expect(resultOf(bench.settled.at(-1)!)).toEqual(["checkpoint", "checkpoint"]);
});

test("a command that ends the attempt aborts a thread's handler, and ends one that ignores it", async () => {
  const { bench } = stage({ graceMs: 50 });
  bench.start(7, { id: "obeys", ...instructed("until-aborted") });
  bench.consumer.command(1, 7, 3, { type: "pause" });
  expect((await bench.settlement()).settlement).toEqual({ type: "pause" });
  bench.start(8, { id: "ignores", ...instructed("report-and-spin") });
  expect((await bench.settlement(2)).settlement.type).toBe("progress");
  bench.consumer.command(1, 8, 4, { type: "kill" });
  expect((await bench.settlement(3)).settlement).toEqual({ type: "kill" });
});

test("a stateful handler in a thread carries out commands itself, and hands its state over", async () => {
  const { bench } = stage({}, new URL("../../../support/thread-stateful.ts", import.meta.url));
  bench.start(7, instructed("whatever"));
  expect((await bench.settlement()).settlement.type).toBe("progress");
  bench.consumer.command(1, 7, 3, { type: "checkpoint" });
  bench.consumer.command(1, 7, 4, { type: "pause" });
  while (bench.settled.at(-1)?.settlement.type !== "pause") await bench.settlement(bench.settled.length + 1);
  expect(bench.settled.slice(1).map(({ settlement, upTo }) => [settlement.type, upTo])).toEqual([
    ["ack", 3],
    ["ack", 4],
    ["checkpoint", 4],
    ["pause", 4],
  ]);
});
