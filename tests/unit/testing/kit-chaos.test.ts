/**
 * Whole nodes, with consumer, client and host, under crashes, pauses and cuts at random: no task runs twice
 * at once, and after the faults all are done. The simulator proper tries engines alone, but far more of them.
 */
import { expect, test } from "bun:test";
import { defineTask, type TaskDefinition } from "../../../mod.ts";
import { simulate, type SimulatedCluster } from "../../../src/testing/kit.ts";
import { Rng } from "../../../src/testing/rng.ts";

const steps: TaskDefinition<number, number> = defineTask<number, number>({ name: "steps" });
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const TASKS_COUNT = 40;
const FAULTS_MS = 20_000;
const CHANCE_STREAM = 77;

function addHandler(cluster: SimulatedCluster, rng: Rng): void {
  cluster.handle(steps, async ({ input }, ctx) => {
    for (let at = 0; at < input; at++) {
      await cluster.delay(rng.range(1, 300), ctx.signal);
      if (rng.chance(0.1)) await ctx.checkpoint(at);
      if (rng.chance(0.003)) throw new Error("an error of the task");
    }
    return input;
  });
}

function oneFault(cluster: SimulatedCluster, rng: Rng, down: Set<number>, paused: Map<number, number>): void {
  const size = cluster.nodes.length;
  const no = rng.int(size);
  const isPaused = (paused.get(no) ?? 0) > cluster.now();
  const kind = rng.int(6);
  if (kind === 0) cluster.heal();
  else if (kind === 1) cluster.partition(rng.sample([...Array(size).keys()], 1 + rng.int(size - 1)));
  else if (kind === 2) cluster.cut(no, (no + 1 + rng.int(size - 1)) % size);
  else if (down.delete(no)) cluster.restart(no);
  else if (kind === 3) {
    cluster.crash(no);
    down.add(no);
    paused.delete(no);
  } else if (kind === 4 && !isPaused) {
    const ms = rng.range(1, 3000);
    cluster.pause(no, ms);
    paused.set(no, cluster.now() + ms + 1);
  }
}

async function chaos(seed: number): Promise<void> {
  const rng = new Rng(seed, CHANCE_STREAM);
  const options = { partitions: 8, leaseTtlMs: 1000 };
  await using cluster = simulate({ nodes: 3 + rng.int(3), seed, options });
  addHandler(cluster, rng);
  const inputs = Array.from({ length: TASKS_COUNT }, () => ({ input: rng.int(30), attempts: 1000 }));
  const handles = await cluster.until(cluster.client.submitMany(steps, inputs));
  const endMs = cluster.now() + FAULTS_MS;
  const down: Set<number> = new Set();
  const paused: Map<number, number> = new Map();
  while (cluster.now() < endMs) {
    await cluster.advance(rng.range(10, 1500));
    oneFault(cluster, rng, down, paused);
  }
  cluster.heal();
  for (const no of down) cluster.restart(no);
  await cluster.until(Promise.all(handles.map((handle) => handle.done())), { timeoutMs: 600_000 });
  cluster.noOverlap();
  await cluster.allDone();
  for (const { id } of handles) {
    expect(cluster.runs(id).filter(({ end }) => end === "returned").length).toBeGreaterThan(0);
  }
}

for (const seed of SEEDS) {
  test(
    `no task runs twice at once and all are done after chaos with seed ${seed}`,
    () => chaos(seed),
  );
}
