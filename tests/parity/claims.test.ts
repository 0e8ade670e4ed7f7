/** What Metafora's own tests show of claims, consumers and nodes, on whole clusters in virtual time. */
import { expect, test } from "bun:test";
import { ConflictError, defineTask } from "../../mod.ts";
import { simulate, type SimulatedCluster } from "../../src/testing/kit.ts";

const OPTIONS = { options: { partitions: 8 } };
const stream = defineTask<unknown, string>({ name: "stream" });
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);

/** Tasks that run until their signal aborts. */
async function streaming(nodes: number, seed: number, count: number): Promise<SimulatedCluster> {
  const cluster = simulate({ ...OPTIONS, nodes, seed });
  cluster.handle(stream, async (_task, ctx) => {
    await cluster.delay(3_600_000, ctx.signal);
    return "over";
  });
  await cluster.ready();
  await cluster.advance(2000);
  for (const id of ids(count)) await cluster.submit(stream, null, { id });
  await cluster.until(() => ids(count).every((id) => cluster.runs(id).length > 0));
  return cluster;
}

async function stateOf(cluster: SimulatedCluster, id: string): Promise<string | undefined> {
  return (await cluster.until(cluster.client.get(id)))?.state;
}

test("exactly one claim wins, and a claimed task is offered to nobody else", async () => {
  await using cluster = await streaming(5, 1, 40);
  await cluster.advance(60_000);
  for (const id of ids(40)) {
    const runs = cluster.runs(id);
    // only a node that gives it back to level the cluster lets another one have it
    for (const { error } of runs.slice(0, -1)) expect(error).toMatchObject({ reason: "balance" });
    expect(runs.at(-1)).toMatchObject({ attempt: runs.length, end: "running" });
  }
  cluster.noOverlap();
  expect(new Set(cluster.runs().map(({ node }) => node)).size).toBe(5);
});

test("an expired claim is claimed again, by another node and under a higher fence", async () => {
  await using cluster = await streaming(3, 2, 6);
  const { node, fence } = cluster.runs("t0")[0]!;
  // a younger one would be suspected of the crash, and wait for the node
  await cluster.advance(6000);
  cluster.crash(node);
  await cluster.until(() => cluster.runs("t0").length === 2);
  const again = cluster.runs("t0")[1]!;
  expect([again.node === node, again.fence > fence]).toEqual([false, true]);
  cluster.noOverlap();
});

test("a resubmitted id that has ended ends at once, as it ended, and does not run again", async () => {
  await using cluster = simulate({ ...OPTIONS, nodes: 3, seed: 3 });
  cluster.handle(stream, (task) => `ran ${task.id}`);
  const first = await cluster.submit(stream, 1, { id: "done" });
  expect(await cluster.until(first.done())).toEqual({ state: "completed", result: "ran done" });
  const second = await cluster.submit(stream, 1, { id: "done" });
  expect(second.created).toBe(false);
  expect(await cluster.until(second.done())).toEqual({ state: "completed", result: "ran done" });
  await cluster.submit(stream, 1, { id: "later", delayMs: 60_000 });
  await cluster.until(cluster.client.command("later", { type: "kill" }));
  const killed = await cluster.submit(stream, 1, { id: "later" });
  expect((await cluster.until(killed.done())).state).toBe("killed");
  expect([cluster.runs("done").length, cluster.runs("later").length]).toEqual([1, 0]);
});

test("an id that is in use with another input is refused by name", async () => {
  await using cluster = await streaming(3, 4, 1);
  const again = cluster.submit(stream, "other", { id: "t0" });
  await expect(again).rejects.toThrow('Cannot submit task "t0": its id is in use with another name or input');
  await expect(again).rejects.toBeInstanceOf(ConflictError);
});

test("a shutdown completes nothing: every task runs elsewhere, and others keep what they run", async () => {
  await using cluster = await streaming(3, 5, 30);
  const own = cluster.runs().filter(({ node }) => node === 1).map(({ task }) => task);
  const others = cluster.runs().filter(({ node }) => node !== 1).map(({ task }) => task);
  expect(own.length).toBeGreaterThan(3);
  const node = cluster.node(1);
  await cluster.until(Promise.all([node.stop(), node.stop(), node.drain()]), { timeoutMs: 60_000 });
  await cluster.until(node.stop());
  expect(node.state).toBe("stopped");
  await cluster.until(() => own.every((id) => cluster.runs(id).some((run) => run.end === "running")));
  for (const id of own) expect(await stateOf(cluster, id)).toBe("leased");
  for (const id of others) expect(cluster.runs(id)).toHaveLength(1);
  cluster.noOverlap();
  const names = cluster.node(0).nodes().filter(({ state }) => state === "up").map(({ name }) => name);
  expect(names).toEqual([cluster.node(0).name, cluster.node(2).name].sort());
});

test("a handler that takes long to stop holds up nobody else, however often it is asked", async () => {
  await using cluster = simulate({ ...OPTIONS, nodes: 1, seed: 6 });
  const ended: string[] = [];
  cluster.handle(stream, async (task, ctx) => {
    await cluster.delay(3_600_000, ctx.signal).catch(() => {});
    if (task.id === "slow" && ctx.attempt === 1) await cluster.delay(3000);
    ended.push(task.id);
    throw ctx.signal.reason;
  });
  for (const id of ["slow", "quick"]) await cluster.submit(stream, null, { id });
  await cluster.until(() => cluster.runs().length === 2);
  const node = cluster.node(0);
  for (let i = 0; i < 3; i++) {
    await cluster.until(cluster.client.commandNode(node.name, { type: "stopTask", id: "slow" }));
  }
  await cluster.until(cluster.client.commandNode(node.name, { type: "stopTask", id: "quick" }));
  await cluster.submit(stream, null, { id: "new" });
  await cluster.advance(1000);
  expect([ended, cluster.runs("new").length, cluster.runs("quick").length]).toEqual([["quick"], 1, 2]);
  await cluster.advance(4000);
  expect(cluster.runs("slow")).toMatchObject([{ end: "threw" }, { attempt: 2, end: "running" }]);
});

test(
  "a task that always fails ends failed after its allowance: 8 errors in 4 hours, 10 minutes apart",
  async () => {
    // nothing else happens: heartbeats can be rare
    const options = { partitions: 8, leaseTtlMs: 60_000, evictAfterMs: 120_000 };
    await using cluster = simulate({ nodes: 1, seed: 7, options });
    cluster.handle(stream, () => {
      throw new Error("always");
    });
    const handle = await cluster.submit(stream, null, { id: "s" });
    const outcome = await cluster.until(handle.done(), { timeoutMs: 4 * 3_600_000 });
    expect(outcome).toEqual({ state: "failed", error: "always", failedBecause: "errors" });
    const starts = cluster.runs("s").map(({ startMs }) => startMs);
    expect(starts).toHaveLength(8);
    for (let i = 1; i < 8; i++) expect(starts[i]! - starts[i - 1]!).toBeGreaterThan(599_999.9);
    await cluster.submit(stream, null, { id: "s" });
    await cluster.advance(60_000);
    expect(cluster.runs("s")).toHaveLength(8);
  },
);
