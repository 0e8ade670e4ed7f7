/** More members than keep partitions: each attaches to some of them only, and still nothing waits in vain. */
import { expect, test } from "bun:test";
import { planFor } from "../../src/testing/profiles.ts";
import { VirtualCluster } from "../../src/testing/virtual-cluster.ts";
import type { VirtualNode } from "../../src/testing/virtual-node.ts";

const SIZE = 66;
const SLOTS = 2;

/** All of them are members; nothing goes wrong, and tasks run until they are told to stop. */
function largeCluster(): VirtualCluster {
  const base = planFor(1, "calm");
  const cluster = new VirtualCluster({
    ...base,
    nodeCount: SIZE,
    foundingCount: 3,
    partitionCount: 64,
    replication: 3,
    leaseTtlMs: 4000,
    heartbeatMs: 1000,
    marginMs: 1000,
    electionMs: 2000,
    tickMs: 100,
    resendMs: 500,
    logEntriesMax: 2048,
    eventsMax: Infinity,
    faults: {
      ...base.faults,
      notice: 1,
      resign: false,
      split: false,
      blockingDisk: false,
      groupCommit: true,
    },
    work: { ...base.work, takesMs: 1e9, slots: SLOTS, uneven: false, checkpoint: 0, stubborn: 0 },
  });
  for (const node of cluster.nodes) {
    node.isWanted = true;
    node.start();
  }
  const isIn = (): boolean => cluster.nodes.every(({ engine }) => engine!.roster?.members.length === SIZE);
  if (!until(cluster, 20_000, isIn)) throw new Error("not all of them are members");
  cluster.runUntil(cluster.schedule.nowMs + 3000);
  return cluster;
}

function until(cluster: VirtualCluster, withinMs: number, isDone: () => boolean): boolean {
  const endMs = cluster.schedule.nowMs + withinMs;
  while (!isDone() && cluster.schedule.nowMs < endMs) cluster.runUntil(cluster.schedule.nowMs + 100);
  return isDone();
}

function submit(cluster: VirtualCluster, count: number, name: string): void {
  for (let i = 0; i < count; i++) {
    const node = cluster.nodes[i % SIZE]!;
    const { wallMs } = node.clock.read(cluster.schedule.nowMs);
    const spec = {
      id: `${name}-${i}`,
      name,
      payload: new Uint8Array(10),
      attemptsMax: 0,
      options: null,
      runAtMs: 0,
    };
    node.client.submit({ ...spec, firstSentAtMs: wallMs }, false);
  }
}

function runningCount(cluster: VirtualCluster): number {
  return cluster.nodes.reduce((sum, { handlers }) => sum + handlers.runningCount, 0);
}

test("a large cluster fills its last slot, whatever partitions the tasks are of", () => {
  const cluster = largeCluster();
  submit(cluster, SIZE * SLOTS, "alpha");
  until(cluster, 5000, () => runningCount(cluster) === SIZE * SLOTS);
  expect(runningCount(cluster)).toBe(SIZE * SLOTS);
}, 120_000);

/** The last member, which keeps nothing. */
function lastOf(cluster: VirtualCluster): VirtualNode {
  return cluster.nodes.find(({ engine }) => engine!.self === SIZE)!;
}

/** Only the last member has a handler for "beta", and room for all 64 of them. */
function specialist(cluster: VirtualCluster): VirtualNode {
  const only = lastOf(cluster);
  for (const node of cluster.nodes) {
    const handlers = node === only ? ["alpha", "beta"] : ["alpha"];
    node.receive([{ type: "capacity", slots: 64, handlers, standing: "up" }]);
  }
  cluster.runUntil(cluster.schedule.nowMs + 2000);
  submit(cluster, 64, "beta");
  return only;
}

test("what one node of a large cluster has a handler for runs there, whatever its partition", () => {
  const cluster = largeCluster();
  const only = specialist(cluster);
  // an owner within 2 s, after the submit has been recorded
  until(cluster, 2500, () => only.handlers.runningCount === 64);
  expect(only.handlers.runningCount).toBe(64);
}, 120_000);

test("a node of a large cluster that was called hears of the next steward of what it holds", () => {
  const cluster = largeCluster();
  const { worker } = lastOf(cluster).engine!;
  const attached = new Set(worker.sessions.all.filter((session) => session.isAttached).map(({ p }) => p));
  const only = specialist(cluster);
  until(cluster, 2500, () => only.handlers.runningCount === 64);
  const called = Array.from(worker.running(), ({ p }) => p).find((p) => !attached.has(p))!;
  const steward = worker.reignOf(called)!.node;
  cluster.nodes.find(({ engine }) => engine!.self === steward)!.crash();
  cluster.runUntil(cluster.schedule.nowMs + 6000);
  expect(worker.reignOf(called)?.node).toBeGreaterThan(0);
  expect(worker.reignOf(called)?.node).not.toBe(steward);
}, 120_000);
