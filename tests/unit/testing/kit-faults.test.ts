/** What the faults of the test kit do to nodes and handlers. */
import { expect, test } from "bun:test";
import { defineTask, NoQuorumError, StoppedError, type TaskDefinition } from "../../../mod.ts";
import { simulate, type SimulatedCluster } from "../../../src/testing/kit.ts";

const stream: TaskDefinition = defineTask({ name: "stream" });

/** A cluster that runs one endless task, and when that task did something. */
async function streaming(): Promise<{ cluster: SimulatedCluster; beats: [number, number][]; owner: number }> {
  const cluster = simulate({ nodes: 3, seed: 5, options: { partitions: 8 } });
  const beats: [number, number][] = [];
  let isKnown = false;
  cluster.handle(stream, async (_task, ctx) => {
    const node = cluster.runs("s").at(-1)!.node;
    while (!ctx.signal.aborted) {
      beats.push([node, cluster.now()]);
      isKnown = true;
      await cluster.delay(100, ctx.signal);
    }
  });
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => isKnown);
  return { cluster, beats, owner: cluster.runs("s")[0]!.node };
}

test("a crashed node's handler goes no further and is not aborted; the task runs elsewhere", async () => {
  const { cluster, beats, owner } = await streaming();
  await using _ = cluster;
  // one that is younger is suspected of the crash, and waits for the node
  await cluster.advance(6000);
  const crashedMs = cluster.now();
  cluster.crash(owner);
  await cluster.advance(10_000);
  expect(beats.filter(([node, atMs]) => node === owner && atMs > crashedMs)).toEqual([]);
  const [first, second] = cluster.runs("s");
  expect(first).toMatchObject({ end: "crashed", endMs: crashedMs, abortedMs: null });
  expect(second).toMatchObject({ end: "running", attempt: 2 });
  expect(second!.node).not.toBe(owner);
  cluster.noOverlap();
});

test("whoever asks a node that crashes gets an error, except the handlers that crash with it", async () => {
  const { cluster, owner } = await streaming();
  await using _ = cluster;
  const { client } = cluster.node(owner);
  const waiting = client.submit(stream, null, { id: "other" });
  await cluster.advance(0);
  cluster.crash(owner);
  await expect(cluster.until(waiting)).rejects.toThrow("the node stopped");
  await expect(cluster.until(client.get("s"))).rejects.toBeInstanceOf(StoppedError);
});

test("a handler that asks its node while that crashes hears nothing any more", async () => {
  await using cluster = simulate({ nodes: 3, seed: 5, options: { partitions: 8 } });
  const heard: string[] = [];
  cluster.handle(stream, async (task) => {
    const { client } = cluster.node(cluster.runs(task.id).at(-1)!.node);
    for (;;) heard.push(await client.get(task.id).then((info) => info!.state, String));
  });
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => heard.length > 3);
  for (const no of [0, 1, 2]) cluster.crash(no);
  const { length } = heard;
  await cluster.advance(1000);
  expect(heard.slice(length)).toEqual([]);
  expect(new Set(heard)).toEqual(new Set(["leased"]));
});

test("all nodes may crash: what they had recorded is there after the restart", async () => {
  const { cluster } = await streaming();
  await using _ = cluster;
  for (const no of [0, 1, 2]) cluster.crash(no);
  await cluster.advance(1000);
  for (const no of [0, 1, 2]) cluster.restart(no);
  await cluster.ready();
  await cluster.until(() => cluster.runs("s").length === 2);
  expect(await cluster.until(cluster.node(1).client.get("s"))).toMatchObject({ state: "leased", attempt: 2 });
  cluster.noOverlap();
});

test("a node that stands still does nothing, and everything late", async () => {
  const { cluster, beats, owner } = await streaming();
  await using _ = cluster;
  const [fromMs, toMs] = [cluster.now(), cluster.now() + 8000];
  cluster.pause(owner, 8000);
  await cluster.advance(15_000);
  expect(beats.filter(([node, atMs]) => node === owner && atMs > fromMs && atMs < toMs)).toEqual([]);
  const [first, second] = cluster.runs("s");
  expect(first!.endMs).toBeGreaterThanOrEqual(toMs);
  expect(second!.startMs).toBeLessThan(toMs);
  // nobody is blamed for standing still
  cluster.noOverlap();
});

test("a handler that goes on long after its node stood still is blamed", async () => {
  await using cluster = simulate({ nodes: 3, seed: 5, options: { partitions: 8 } });
  cluster.handle(stream, () => cluster.delay(60_000));
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length === 1);
  cluster.pause(cluster.runs("s")[0]!.node, 8000);
  await cluster.advance(8500);
  cluster.noOverlap();
  await cluster.advance(1000);
  expect(() => cluster.noOverlap()).toThrow("ran twice at once");
});

test("without a majority nothing runs, and nothing is submitted", async () => {
  const { cluster, beats } = await streaming();
  await using _ = cluster;
  cluster.partition([0], [1], [2]);
  await cluster.advance(5000);
  const count = beats.length;
  await expect(cluster.submit(stream, null, { id: "t" })).rejects.toBeInstanceOf(NoQuorumError);
  expect(beats.length).toBe(count);
  cluster.heal();
  await cluster.until(() => beats.length > count);
});

test("the test hears of the end of a task from whichever side still has a quorum", async () => {
  await using cluster = simulate({ nodes: 3, seed: 5, options: { partitions: 8 } });
  cluster.handle(stream, (_task, ctx) => cluster.delay(20_000, ctx.signal));
  const done = (await cluster.submit(stream, null, { id: "s" })).done();
  await cluster.advance(1000);
  cluster.partition([0], [1, 2]);
  await cluster.until(done);
  expect(cluster.runs("s").at(-1)!.node).not.toBe(0);
});

test("a single link that is cut leaves the others", async () => {
  const { cluster } = await streaming();
  await using _ = cluster;
  cluster.cut(0, 1);
  await cluster.advance(5000);
  expect(cluster.node(2).nodes().every(({ state }) => state === "up")).toBe(true);
  expect(cluster.node(0).nodes().map(({ name, state }) => `${name} ${state}`)).toContain("node-1 down");
});

test("a node that is stopped by the test hands its tasks over at once", async () => {
  const { cluster, owner } = await streaming();
  await using _ = cluster;
  const atMs = cluster.now();
  await cluster.until(cluster.node(owner).stop());
  await cluster.until(() => cluster.runs("s").length === 2);
  expect(cluster.now() - atMs).toBeLessThan(1000);
  cluster.restart(owner);
  await cluster.ready();
});

test("what cannot be is refused", async () => {
  await using cluster = simulate({ nodes: 2 });
  expect(() => cluster.crash(2)).toThrow("Cannot crash a node: nodes are 0 to 1, got 2");
  expect(() => cluster.partition([0], [0, 1])).toThrow("a node is in one group");
  expect(() => cluster.resume(0)).toThrow("it does not stand still");
  cluster.crash(0);
  expect(() => cluster.crash(0)).toThrow("it is down already");
  expect(() => cluster.pause(0)).toThrow("it is down");
});
