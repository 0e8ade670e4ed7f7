/** More members than keep partitions: each attaches to some of them only, and still nothing waits in vain. */
import { expect, test } from "bun:test";
import type { VirtualCluster } from "../../src/simulator/cluster.ts";
import type { VirtualNode } from "../../src/simulator/node.ts";
import type { Ballot } from "../../src/protocol/model/types.ts";
import { quietCluster, submit, submitOne, until } from "./quiet-cluster.ts";

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
});

/** The last member, which keeps nothing. */
function lastOf(cluster: VirtualCluster): VirtualNode {
  return cluster.nodes.find(({ engine }) => engine!.self === SIZE)!;
}

/** Only the last member has a handler for "beta", and room for all 64 of them. */
function specialist(cluster: VirtualCluster): VirtualNode {
  const only = teachLast(cluster);
  submit(cluster, 64, "beta");
  return only;
}

function teachLast(cluster: VirtualCluster): VirtualNode {
  const only = lastOf(cluster);
  for (const node of cluster.nodes) {
    const handlers = node === only ? ["alpha", "beta"] : ["alpha"];
    node.receive([{ type: "capacity", slots: 64, handlers, standing: "up" }]);
  }
  cluster.runUntil(cluster.schedule.nowMs + 2000);
  return only;
}

// one cluster for both: it takes as long to make as all the rest
test("what one of a large cluster has a handler for runs there, and it hears of the next steward", () => {
  const cluster = quietCluster(LARGE);
  const { holder } = lastOf(cluster).engine!;
  const attached = new Set(holder.sessions.all.filter((session) => session.isAttached).map(({ p }) => p));
  const only = specialist(cluster);
  // an owner within 2 s, after the submit has been recorded, whatever its partition
  until(cluster, 2500, () => only.handlers.runningCount === 64);
  expect(only.handlers.runningCount).toBe(64);
  const called = Array.from(holder.running(), ({ p }) => p).find((p) => !attached.has(p))!;
  const steward = holder.termOf(called)!.node;
  cluster.nodes.find(({ engine }) => engine!.self === steward)!.crash();
  cluster.runUntil(cluster.schedule.nowMs + 6000);
  expect(holder.termOf(called)?.node).toBeGreaterThan(0);
  expect(holder.termOf(called)?.node).not.toBe(steward);
});

/** A partition whose steward the node has nothing to do with yet. */
function strange(
  cluster: VirtualCluster,
  node: VirtualNode,
): { readonly p: number; readonly ballot: Ballot } {
  const { sessions } = node.engine!.holder;
  const known = new Set(sessions.all.flatMap(({ isAttached, term }) => isAttached ? [term!.node] : []));
  for (const { p, isAttached } of sessions.all) {
    const ballot = cluster.nodes[0]!.engine!.holder.termOf(p)!;
    if (!isAttached && !known.has(ballot.node)) return { p, ballot };
  }
  throw new Error("it knows all stewards");
}

test("a steward of a large cluster to which a node attached by itself gives it tasks", () => {
  const cluster = quietCluster(LARGE);
  const only = teachLast(cluster);
  const { p, ballot } = strange(cluster, only);
  const { engine } = only;
  const steward = engine!.roster!.members.find(({ no }) => no === ballot.node)!;
  // for an attach that it knows nothing of: it attaches
  const grant = { p, ballot, boot: 1, n: 1, attach: 0, grantFloor: 0, tasks: [] };
  only.receive([{ type: "message", from: steward.id, message: { type: "grant", ...grant } }]);
  cluster.runUntil(cluster.schedule.nowMs + 1000);
  expect(engine!.holder.sessions.all[p]!.isAttached).toBe(true);
  const ids = Array.from({ length: 1000 }, (_, i) => `strange-${i}`);
  submitOne(cluster, 0, "beta", ids.find((id) => engine!.partitionOf(id) === p)!);
  until(cluster, 5000, () => only.handlers.runningCount === 1);
  expect(only.handlers.runningCount).toBe(1);
});
