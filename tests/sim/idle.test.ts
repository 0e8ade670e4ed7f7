/** What a cluster does while nothing goes on, and that it is quick all the same when something does. */
import { expect, test } from "bun:test";
import type { Effect } from "../../src/protocol/model/contract.ts";
import type { Message } from "../../src/protocol/model/messages.ts";
import type { VirtualCluster } from "../../src/simulator/cluster.ts";
import type { VirtualNode } from "../../src/simulator/node.ts";
import { quietCluster, submitOne, until } from "./quiet-cluster.ts";
import { taskSpec } from "../support/tasks.ts";

const THREE = { size: 3, slots: 10, takesMs: 200 };

/** Steps that the node took and frames that it sent, a frame for each list of message types. */
interface Doings {
  stepCount: number;
  readonly heartbeatsAtMs: number[];
  readonly frames: Message["type"][][];
}

function watched(cluster: VirtualCluster, node: VirtualNode): Doings {
  const doings: Doings = { stepCount: 0, heartbeatsAtMs: [], frames: [] };
  const engine = node.engine!;
  const step = engine.step.bind(engine);
  engine.step = (inputs, clock): Effect[] => {
    const effects = step(inputs, clock);
    doings.stepCount++;
    const frames = effects.flatMap((effect) =>
      effect.type === "send" ? [effect.messages.map(({ type }) => type)] : []
    );
    doings.frames.push(...frames);
    if (frames.some((types) => types.includes("heartbeat"))) {
      doings.heartbeatsAtMs.push(cluster.schedule.nowMs);
    }
    return effects;
  };
  return doings;
}

test("an idle node steps a few times a second, and its credit goes with its heartbeat", () => {
  const cluster = quietCluster(THREE);
  // heartbeats that are sent out of turn, because other nodes are stewards now, must not part the two for
  // good
  const [node, other] = cluster.nodes as [VirtualNode, VirtualNode];
  other.crash();
  cluster.runUntil(cluster.schedule.nowMs + 7110);
  other.start();
  cluster.runUntil(cluster.schedule.nowMs + 15_000);
  const doings = watched(cluster, node);
  cluster.runUntil(cluster.schedule.nowMs + 10_000);
  // own ticks 1, heartbeats of two others 2, their answers 2
  expect(doings.stepCount).toBeLessThanOrEqual(70);
  // to each of two others: a heartbeat a second, and an answer to theirs
  expect(doings.frames.length).toBeLessThanOrEqual(44);
  const heartbeats = doings.frames.filter((types) => types.includes("heartbeat"));
  expect(heartbeats.length).toBeGreaterThanOrEqual(18);
  for (const types of heartbeats) expect(types).toContain("credit");
});

test("the heartbeats of an idle cluster go together, one a second from each node", () => {
  const cluster = quietCluster({ ...THREE, size: 5 });
  cluster.runUntil(cluster.schedule.nowMs + 5000);
  const heartbeatsAtMs = cluster.nodes.map((node) => watched(cluster, node).heartbeatsAtMs);
  cluster.runUntil(cluster.schedule.nowMs + 20_200);
  const [first, ...others] = heartbeatsAtMs as [number[], ...number[][]];
  expect(first.length).toBeGreaterThanOrEqual(20);
  expect(first.length).toBeLessThanOrEqual(22);
  for (const heartbeatMs of first.slice(1, -1)) {
    for (const atMs of others) {
      expect(Math.min(...atMs.map((otherMs) => Math.abs(otherMs - heartbeatMs)))).toBeLessThan(50);
    }
  }
});

test("tasks that were due later start when they are due, on an idle cluster", () => {
  const cluster = quietCluster(THREE);
  const node = cluster.nodes[0]!;
  const { wallMs } = node.clock.read(cluster.schedule.nowMs);
  // idle again in between, and at all places between two slow ticks
  const delaysMs = Array.from({ length: 10 }, (_, i) => 20_000 + i * 10_070);
  for (const delayMs of delaysMs) {
    const spec = taskSpec(`in-${delayMs}`, { name: "alpha", runAtMs: wallMs + delayMs });
    node.client.submit(spec, false);
  }
  const beginMs = cluster.schedule.nowMs;
  for (const delayMs of delaysMs) {
    cluster.runUntil(beginMs + delayMs - 10);
    expect(runner(cluster)).toBeUndefined();
    cluster.runUntil(beginMs + delayMs + 150);
    expect(runner(cluster)).toBeDefined();
  }
});

test("the steward of an idle cluster runs a task itself", () => {
  const cluster = quietCluster(THREE);
  for (let i = 0; i < 20; i++) {
    submitOne(cluster, i, "alpha", `own-${i}`);
    expect(until(cluster, 2000, () => runner(cluster) !== undefined)).toBe(true);
    const { holder, self } = runner(cluster)!.engine!;
    for (const { p } of holder.running()) expect(holder.termOf(p)!.node).toBe(self);
    until(cluster, 2000, () => runner(cluster) === undefined);
  }
});

function runner(cluster: VirtualCluster): VirtualNode | undefined {
  return cluster.nodes.find(({ handlers }) => handlers.runningCount > 0);
}
