/** What a handler asks of its context while it runs: checkpoints and deadlines. */
import { expect, test } from "bun:test";
import { LeaseLostError } from "../../../src/base/errors.ts";
import { leaseOf } from "../../../src/base/leased.ts";
import type { Context } from "../../../src/consumer/context.ts";
import { encodeValue } from "../../../src/task/values.ts";
import { Bench } from "../../support/fake-coordinator.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";

const WALL_AHEAD_MS = 1_800_000_000_000;

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
  const bench = new Bench(10, { environment: new FakeEnvironment() });
  const heard: number[] = [];
  bench.handle((_task, ctx) => {
    ctx.onDeadline((deadlineMs) => heard.push(deadlineMs));
    return new Promise(() => {});
  });
  bench.start(7);
  const { renew } = bench;
  bench.validUntilMs = 11_000;
  renew?.();
  bench.consumer.lost(1, 7, "lapsed");
  bench.validUntilMs = 12_000;
  renew?.();
  expect(heard).toEqual([11_000]);
  expect(bench.renew).toBeNull();
});

test("a deadline is the margin before the lease ends, and moves with a wall clock that is set", () => {
  const { environment, bench, ctx } = started();
  expect([ctx.deadline, leaseOf(ctx).remainingMs]).toEqual([environment.wallMs() + 3000, 4000]);
  environment.wallAheadMs -= 3_600_000;
  environment.advance(1000);
  expect([ctx.deadline - environment.wallMs(), leaseOf(ctx).remainingMs]).toEqual([2000, 3000]);
  bench.validUntilMs += 1000;
  expect([ctx.deadline - environment.wallMs(), leaseOf(ctx).remainingMs]).toEqual([3000, 4000]);
});

test("of a lease that is lost the margin is left, or less, whatever the wall clock does then", () => {
  for (
    const [jumpMs, validForMs, leftMs] of [[-10_000, 4000, 1000], [10_000, 4000, 1000], [0, 300, 300]]
  ) {
    const { environment, bench, ctx } = started(validForMs);
    bench.consumer.lost(1, 7, "condemned");
    bench.validUntilMs += 5000;
    environment.wallAheadMs += jumpMs!;
    expect([ctx.deadline - environment.wallMs(), leaseOf(ctx).remainingMs]).toEqual([
      leftMs! - 1000,
      leftMs!,
    ]);
    environment.advance(200);
    expect(leaseOf(ctx).remainingMs).toBe(leftMs! - 200);
  }
});

/** An attempt whose lease stands for so long, a second of it the margin. */
function started(validForMs = 4000): { environment: FakeEnvironment; bench: Bench; ctx: Context } {
  const environment = new FakeEnvironment();
  environment.wallAheadMs = WALL_AHEAD_MS;
  const bench = new Bench(10, { environment, marginMs: 1000 });
  bench.validUntilMs = environment.nowMs + validForMs;
  const contexts: Context[] = [];
  bench.handle((_task, ctx) => (contexts.push(ctx), new Promise(() => {})));
  bench.start(7);
  return { environment, bench, ctx: contexts[0]! };
}
