/** What a consumer does when its node is frozen, balances, or is asked to stop a task. */
import { expect, test } from "bun:test";
import type { AttemptAbortedError } from "../../../src/base/errors.ts";
import { defineTask } from "../../../src/task/definition.ts";
import { Bench } from "../../support/fake-coordinator.ts";

test("a frozen consumer offers nothing, gives back what comes, and goes on with what it runs", () => {
  const bench = new Bench(5);
  bench.handle(() => new Promise(() => {}));
  bench.start(1);
  expect([bench.consumer.freeze(true), bench.consumer.freeze(true)]).toEqual([true, false]);
  expect(bench.offers.at(-1)).toEqual([0, ["n"], "frozen"]);
  bench.start(2, { id: "u" });
  expect(bench.settled).toMatchObject([{ id: "u", fence: 2, settlement: { type: "release" } }]);
  expect(bench.consumer.runningCount).toBe(1);
  expect(bench.consumer.freeze(false)).toBe(true);
  expect(bench.offers.at(-1)).toEqual([5, ["n"], "up"]);
});

test("a frozen consumer that drains is draining, and stays so when it is unfrozen", () => {
  const bench = new Bench();
  bench.consumer.freeze(true);
  void bench.consumer.drain("drain");
  expect(bench.offers.at(-1)).toEqual([0, [], "draining"]);
  bench.consumer.freeze(false);
  expect(bench.offers.at(-1)).toEqual([0, [], "draining"]);
});

test("a task that is stopped, even if frozen, sees why and is released; another is not there", async () => {
  const bench = new Bench();
  const reasons: unknown[] = [];
  bench.handle((_task, ctx) => {
    return new Promise((_resolve, reject) => {
      ctx.signal.addEventListener("abort", () => {
        reasons.push((ctx.signal.reason as AttemptAbortedError).reason);
        reject(ctx.signal.reason);
      });
    });
  });
  bench.start(1);
  bench.start(2, { id: "u" });
  bench.consumer.freeze(true);
  expect([bench.consumer.stopTask("t"), bench.consumer.stopTask("gone")]).toEqual([true, false]);
  expect(await bench.settlement()).toMatchObject({ id: "t", settlement: { type: "release" } });
  bench.record();
  expect(bench.events.at(-1)).toMatchObject(["task:released", { task: "t", reason: "release" }]);
  expect([reasons, bench.consumer.runningCount]).toEqual([["release"], 1]);
});

test("handlers with a concurrency of their own are offered with it, the others without", () => {
  const bench = new Bench();
  bench.handle(() => 1);
  bench.consumer.add({ definition: defineTask({ name: "few" }), run: () => 1, concurrency: 2 });
  expect(bench.offers.at(-1)?.[1]).toEqual(["n", "few"]);
  expect(bench.limits).toEqual({ few: 2 });
});
