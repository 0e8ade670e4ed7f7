/** More members than keep partitions: each attaches to some of them only, and still nothing waits in vain. */
import { expect, test } from "bun:test";
import type { VirtualCluster } from "../../src/testing/virtual-cluster.ts";
import type { VirtualNode } from "../../src/testing/virtual-node.ts";
import { quietCluster, submit, until } from "./quiet-cluster.ts";

const SIZE = 66;
const SLOTS = 2;
const LARGE = { size: SIZE, slots: SLOTS };

function runningCount(cluster: VirtualCluster): number {
  return cluster.nodes.reduce((sum, { handlers }) => sum + handlers.runningCount, 0);
}

test("a large cluster fills its last slot, whatever partitions the tasks are of", () => {
  const cluster = quietCluster(LARGE);
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
  const cluster = quietCluster(LARGE);
  const only = specialist(cluster);
  // an owner within 2 s, after the submit has been recorded
  until(cluster, 2500, () => only.handlers.runningCount === 64);
  expect(only.handlers.runningCount).toBe(64);
}, 120_000);

test("a node of a large cluster that was called hears of the next steward of what it holds", () => {
  const cluster = quietCluster(LARGE);
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
