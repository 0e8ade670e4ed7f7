/**
 * Executions, as whole nodes on virtual time show them: however a lease is lost, the next attempt starts no
 * sooner than the margin after the moment from which the handler could know.
 */
import { expect, test } from "bun:test";
import { defineTask, type TaskDefinition } from "../../../mod.ts";
import { simulate } from "../../../src/testing/kit.ts";

const LEASE_TTL_MS = 4000;
const MARGIN_MS = LEASE_TTL_MS / 4;
const loop: TaskDefinition = defineTask({ name: "loop" });

/**
 * Cuts the link between the owner and each other node for about a lease; calls `check` after it has healed.
 */
async function cutForALease(
  handler: Parameters<ReturnType<typeof simulate>["handle"]>[1],
  cutMs: number,
  seed: number,
): Promise<void> {
  for (const peer of [0, 1, 2]) {
    const options = { partitions: 1, capacity: 1, leaseTtlMs: LEASE_TTL_MS };
    await using cluster = simulate({ nodes: 3, seed, options });
    cluster.handle(loop, handler);
    await cluster.ready();
    for (const id of ["a", "b"]) await cluster.submit(loop, null, { id });
    await cluster.advance(3000);
    const owner = cluster.runs("b")[0]!.node;
    if (owner === peer) continue;
    cluster.cut(owner, peer);
    await cluster.advance(cutMs);
    cluster.heal();
    await cluster.advance(8000);
    cluster.noOverlap();
  }
}

for (const cutMs of [3600, 4200, 4800, 5400]) {
  test(`a handler that takes its margin to stop is alone, after a cut of ${cutMs} ms`, async () => {
    for (const seed of [1, 2, 3]) {
      await cutForALease(
        async (_task, ctx) => {
          while (!ctx.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
          await new Promise((resolve) => setTimeout(resolve, 0.8 * MARGIN_MS));
        },
        cutMs,
        seed,
      );
    }
  });
}

test("the deadline is the margin before the lease ends, and the signal aborts then", async () => {
  await using cluster = simulate({ nodes: 3, seed: 3, options: { partitions: 1, leaseTtlMs: LEASE_TTL_MS } });
  let seen: { deadline: number; abortedAt: number; marginMs: number } | undefined;
  cluster.handle(loop, async (_task, ctx) => {
    let { deadline } = ctx;
    while (!ctx.signal.aborted) {
      ({ deadline } = ctx);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    seen ??= { deadline, abortedAt: Date.now(), marginMs: ctx.marginMs };
  });
  await cluster.submit(loop, null, { id: "t" });
  await cluster.until(() => cluster.runs("t").length === 1);
  const { node } = cluster.runs("t")[0]!;
  cluster.partition([node]);
  await cluster.until(() => seen !== undefined);
  expect(seen!.marginMs).toBe(MARGIN_MS);
  // the engine looks every tick
  expect(seen!.abortedAt - seen!.deadline).toBeGreaterThanOrEqual(0);
  expect(seen!.abortedAt - seen!.deadline).toBeLessThan(200);
  await cluster.until(() => cluster.runs("t").length === 2);
  expect(cluster.runs("t")[1]!.startMs - cluster.runs("t")[0]!.abortedMs!).toBeGreaterThanOrEqual(
    0.9 * MARGIN_MS,
  );
});
