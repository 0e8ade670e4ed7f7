/** What a handler asks of its context while it runs: checkpoints and deadlines. */
import { expect, test } from "bun:test";
import { LeaseLostError } from "../../../src/base/errors.ts";
import { encodeValue } from "../../../src/task/values.ts";
import { Bench } from "../../support/fake-coordinator.ts";

test("a checkpoint resolves when it is recorded, and is refused when the lease is over", async () => {
  const bench = new Bench();
  const results: unknown[] = [];
  bench.handle(async (_task, ctx) => {
    results.push(await ctx.checkpoint({ n: 1 }));
    results.push(await ctx.checkpoint({ n: 2 }).catch((error) => error));
    results.push(await ctx.checkpoint(Symbol("x")).catch((error) => error));
    return "end";
  });
  bench.start(7);
  expect((await bench.settlement()).settlement).toEqual({
    type: "checkpoint",
    state: encodeValue({ n: 1 }, "checkpoint"),
  });
  bench.record();
  await bench.settlement(2);
  bench.record(false);
  expect((await bench.settlement(3)).settlement.type).toBe("complete");
  expect(results).toEqual([undefined, expect.any(LeaseLostError), expect.any(TypeError)]);
});

test("a checkpoint that nobody waits for does not bring the process down", async () => {
  const bench = new Bench();
  bench.handle((_task, ctx) => {
    void ctx.checkpoint(1);
    return new Promise(() => {});
  });
  bench.start(7);
  bench.consumer.lost(1, 7, "condemned");
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(bench.eventTypes).toEqual(["task:start", "task:lost"]);
});

test("renewed deadlines are reported until the lease is lost", () => {
  const bench = new Bench();
  const heard: number[] = [];
  bench.handle((_task, ctx) => {
    ctx.onDeadline((deadlineMs) => heard.push(deadlineMs));
    return new Promise(() => {});
  });
  bench.start(7);
  const { renew } = bench;
  renew?.(11_000);
  bench.consumer.lost(1, 7, "lapsed");
  renew?.(12_000);
  expect(heard).toEqual([11_000]);
  expect(bench.renew).toBeNull();
});
