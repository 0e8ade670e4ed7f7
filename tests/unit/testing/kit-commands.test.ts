/** Commands to nodes that stand still, are cut off or restart, in virtual time. */
import { expect, test } from "bun:test";
import {
  ConnectError,
  defineTask,
  type Node,
  type TaskDefinition,
  UnknownOutcomeError,
} from "../../../mod.ts";
import { simulate, type SimulatedCluster } from "../../../src/testing/kit.ts";

const stream: TaskDefinition = defineTask({ name: "stream" });

/** A cluster that runs one endless task, here on `owner`. */
async function streaming(): Promise<{ cluster: SimulatedCluster; owner: number; others: number[] }> {
  const cluster = simulate({ nodes: 3, seed: 5, options: { partitions: 8 } });
  cluster.handle(stream, async (_task, ctx) => {
    while (!ctx.signal.aborted) await cluster.delay(100, ctx.signal);
  });
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length === 1);
  const owner = cluster.runs("s")[0]!.node;
  return { cluster, owner, others: [0, 1, 2].filter((no) => no !== owner) };
}

test("a command to a node that stands still is done when it goes on; the task runs again", async () => {
  const { cluster, owner, others } = await streaming();
  await using _ = cluster;
  // the task can only come back to where it was stopped
  for (const no of others) cluster.node(no).freeze();
  await cluster.advance(1000);
  cluster.pause(owner, 1200);
  const asker: Node = cluster.node(others[0]!);
  await cluster.until(asker.client.commandNode(cluster.node(owner).name, { type: "stopTask", id: "s" }));
  await cluster.advance(5000);
  const runs = cluster.runs("s");
  expect(runs.map(({ node, attempt }) => [node, attempt])).toEqual([[owner, 1], [owner, 2]]);
  expect(runs.at(-1)).toMatchObject({ end: "running", abortedMs: null });
  cluster.noOverlap();
});

test("a node that is cut off is not commanded, and what may have reached it is unknown", async () => {
  const { cluster, owner, others } = await streaming();
  await using _ = cluster;
  const asker = cluster.node(others[0]!);
  const { name } = cluster.node(owner);
  cluster.partition([owner], others);
  const early = asker.client.commandNode(name, { type: "freeze" }, { timeoutMs: 1000 });
  await expect(cluster.until(early)).rejects.toBeInstanceOf(UnknownOutcomeError);
  await cluster.until(() => asker.nodes().some(({ state }) => state === "down"));
  await cluster.advance(10_000);
  const late = asker.client.commandNode(name, { type: "freeze" }, { timeoutMs: 1000 });
  await expect(cluster.until(late)).rejects.toBeInstanceOf(ConnectError);
  cluster.heal();
  await cluster.until(() => asker.nodes().every(({ state }) => state === "up"));
  // what was given up is not sent any more
  await cluster.advance(3000);
  expect(cluster.node(owner).frozen).toBe(false);
});

test("a freeze lasts as long as the process", async () => {
  const { cluster, others: [no = 0, asker = 0] } = await streaming();
  await using _ = cluster;
  const isFrozen = (): boolean | undefined =>
    cluster.node(asker).nodes().find(({ name }) => name === cluster.node(no).name)?.frozen;
  await cluster.until(cluster.client.commandNode(cluster.node(no).name, { type: "freeze" }));
  await cluster.until(() => isFrozen() === true);
  cluster.crash(no);
  cluster.restart(no);
  await cluster.until(() => isFrozen() === false);
  expect(cluster.node(no).frozen).toBe(false);
});
