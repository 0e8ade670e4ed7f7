/**
 * A run of the test kit that uses all of it, decided by its seed: `bun kit-run.ts SEED…` prints the hash of
 * each.
 */
import { defineTask, type TaskDefinition } from "../../mod.ts";
import { simulate } from "../../src/testing/kit.ts";

const step: TaskDefinition<number, number> = defineTask<number, number>({ name: "step" });
const stream: TaskDefinition<number> = defineTask<number>({ name: "stream" });
const SHORT_COUNT = 30;

/** Crashes, cuts and pauses while short and endless tasks run; the hash of all that happened. */
export async function hashOf(seed: number): Promise<string> {
  await using cluster = simulate({ nodes: 5, seed, options: { partitions: 16, leaseTtlMs: 2000 } });
  cluster.handle(step, async (task, ctx) => {
    await cluster.delay(100 * task.input, ctx.signal);
    await ctx.checkpoint({ at: Date.now() });
    if (task.input % 7 === 0 && ctx.attempt === 1) throw new Error("the first attempt fails");
    await new Promise((resolve) => setTimeout(resolve, 50));
    return performance.now() + task.input;
  });
  cluster.handle(stream, async (_task, ctx) => {
    while (!ctx.signal.aborted) await cluster.delay(333, ctx.signal);
  });
  await cluster.ready();
  await cluster.submit(stream, 0, { id: "stream" });
  const [node] = cluster.nodes;
  const inputs = Array.from({ length: SHORT_COUNT }, (_, input) => ({ input, attempts: 9 }));
  const handles = await cluster.until(node!.client.submitMany(step, inputs));
  cluster.partition([0, 1], [2, 3, 4]);
  await cluster.advance(5000);
  cluster.crash(4);
  cluster.heal();
  cluster.pause(2, 3000);
  await cluster.advance(4000);
  cluster.restart(4);
  const outcomes = await cluster.until(Promise.all(handles.map((handle) => handle.done())));
  cluster.noOverlap();
  const results = outcomes.map((outcome) => outcome.state === "completed" ? outcome.result : outcome.error);
  return `${cluster.hash} ${cluster.runs().length} ${
    results.reduce((sum: number, each) => sum + Number(each), 0)
  }`;
}

if (import.meta.main) {
  for (const seed of process.argv.slice(2)) console.log(`seed ${seed}: ${await hashOf(Number(seed))}`);
}
