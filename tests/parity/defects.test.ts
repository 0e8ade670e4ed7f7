/**
 * What went wrong in Metafora and must not come back, as far as a whole cluster on virtual time shows it. The
 * numbers are those of docs/parity.md, which says where the other defects are tested.
 */
import { expect, test } from "bun:test";
import { createNode, defineTask } from "../../mod.ts";
import { simulate, type SimulatedCluster } from "../../src/testing/kit.ts";

const OPTIONS = { nodes: 3, options: { partitions: 8 } };
const LEASE_MS = 4000;
const stream = defineTask<null, string>({ name: "stream" });
const rare = defineTask<null, string>({ name: "rare" });

/** Tasks that run until their signal aborts. */
async function streaming(
  seed: number,
  ids: readonly string[],
  partitions = 8,
): Promise<SimulatedCluster> {
  const cluster = simulate({ nodes: 3, options: { partitions }, seed });
  cluster.handle(stream, async (_task, ctx) => {
    await cluster.delay(3_600_000, ctx.signal);
    return "over";
  });
  await cluster.ready();
  for (const id of ids) await cluster.submit(stream, null, { id });
  await cluster.until(() => ids.every((id) => cluster.runs(id).length > 0));
  return cluster;
}

test("2: the end of a task touches no other whose id begins the same", async () => {
  await using cluster = await streaming(1, ["x1", "x10", "x1/a", "x"], 1);
  await cluster.until(cluster.client.command("x1", { type: "kill" }));
  await cluster.advance(5000);
  const states: Record<string, string | undefined> = {};
  for (const id of ["x1", "x10", "x1/a", "x"]) {
    states[id] = (await cluster.until(cluster.client.get(id)))?.state;
  }
  expect(states).toEqual({ "x1": "killed", "x10": "leased", "x1/a": "leased", "x": "leased" });
  expect(cluster.runs("x10")).toHaveLength(1);
});

test("5: a stop that comes before the handler has begun is heard", async () => {
  await using cluster = simulate({ ...OPTIONS, seed: 2 });
  const seen: boolean[] = [];
  cluster.handle(stream, async (_task, ctx) => {
    await cluster.delay(10);
    // the drain came before the first look at the signal
    seen.push(ctx.signal.aborted);
    if (ctx.signal.aborted) throw ctx.signal.reason;
    await cluster.delay(3_600_000, ctx.signal);
    return "over";
  });
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length > 0);
  const { node } = cluster.runs("s")[0]!;
  await cluster.until(cluster.node(node).drain());
  await cluster.until(() => cluster.runs("s").length === 2);
  expect(seen[0]).toBe(true);
  cluster.noOverlap();
});

test("12: a node that is stopped before it ever served ends all the same", async () => {
  const node = await createNode({ coordinator: "embedded" });
  await node.stop();
  expect(node.state).toBe("stopped");
  const lonely = await createNode({ namespace: `lonely-${process.pid}`, expect: 3, mdns: false });
  const waiting = lonely.ready().catch((error: Error) => error.message);
  await lonely.stop();
  expect([lonely.state, await waiting]).toEqual([
    "stopped",
    "Cannot wait for the node to be ready: it stopped",
  ]);
});

test("14: who loses its leases stops those tasks, and nothing else: the node goes on", async () => {
  await using cluster = await streaming(3, ["a", "b", "c", "d", "e", "f"]);
  const { node } = cluster.runs("a")[0]!;
  cluster.partition([node], [0, 1, 2].filter((no) => no !== node));
  await cluster.advance(4 * LEASE_MS);
  const own = cluster.runs().filter((run) => run.node === node);
  expect(own.map(({ end }) => end)).toEqual(own.map(() => "threw"));
  expect(cluster.node(node).state).toBe("ready");
  cluster.heal();
  await cluster.submit(stream, null, { id: "later" });
  await cluster.advance(20_000);
  expect((await cluster.until(cluster.client.get("later")))?.state).toBe("leased");
  cluster.noOverlap();
});

test("15: a blip that is shorter than the margin costs no lease", async () => {
  await using cluster = await streaming(4, ["a", "b", "c", "d", "e", "f"]);
  for (let i = 0; i < 5; i++) {
    cluster.partition([0], [1], [2]);
    await cluster.advance(LEASE_MS / 4 - 100);
    cluster.heal();
    await cluster.advance(5000);
  }
  expect(cluster.runs().map(({ attempt, end }) => `${attempt} ${end}`)).toEqual(Array(6).fill("1 running"));
});

test("16: every runnable task of a healthy cluster has an owner within 2 s, come what may", async () => {
  await using cluster = await streaming(5, []);
  for (let round = 0; round < 6; round++) {
    const no = round % 3;
    const others = [0, 1, 2].filter((other) => other !== no);
    cluster.partition([no], others);
    const { client } = cluster.node(others[0]!);
    const given = client.submit(stream, null, { id: `t${round}`, timeoutMs: 60_000 });
    await cluster.until(given, { timeoutMs: 60_000 });
    await cluster.advance(300);
    cluster.heal();
    await cluster.advance(LEASE_MS);
    const healthyMs = cluster.now();
    await cluster.advance(2000);
    for (let id = 0; id <= round; id++) {
      const owners = cluster.runs(`t${id}`).filter((run) => run.end === "running");
      expect({ round, id, owners: owners.length }).toEqual({ round, id, owners: 1 });
      expect(owners[0]!.startMs).toBeLessThan(healthyMs + 2000);
    }
  }
  // nobody could run it when it came
  await cluster.submit(rare, null, { id: "rare" });
  await cluster.advance(7000);
  const offeredMs = cluster.now();
  cluster.handle(rare, () => "ran");
  await cluster.until(() => cluster.runs("rare").length > 0, { timeoutMs: 60_000 });
  expect(cluster.runs("rare")[0]!.startMs).toBeLessThan(offeredMs + 2000);
  cluster.noOverlap();
});

test("11 and 17: a handler that never stops holds up neither a drain nor a stop for ever", async () => {
  await using cluster = simulate({ nodes: 3, seed: 6, options: { partitions: 8, drainTimeoutMs: 3000 } });
  cluster.handle(stream, () => new Promise<string>(() => {}));
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length > 0);
  const node = cluster.node(cluster.runs("s")[0]!.node);
  const startedMs = cluster.now();
  const draining = node.drain();
  // what is asked of it meanwhile is answered
  expect(node.nodes().find(({ self }) => self)?.name).toBe(node.name);
  await cluster.until(draining);
  expect(cluster.now() - startedMs).toBeLessThan(3500);
  await cluster.until(node.stop(), { timeoutMs: 60_000 });
  expect(cluster.now() - startedMs).toBeLessThan(3000 + 10_000 + 1000);
});

test("1: whoever was stopped and comes back late changes nothing", async () => {
  await using cluster = simulate({ ...OPTIONS, seed: 7 });
  const ends: string[] = [];
  cluster.handle(stream, async (task, ctx) => {
    const { node } = cluster.runs("s").at(-1)!;
    // it does not look at its signal
    await cluster.delay(ctx.attempt === 1 ? 6000 : 20_000);
    await ctx.checkpoint(`of ${node}`).then(() => ends.push("stored"), () => ends.push("refused"));
    return `attempt ${ctx.attempt} of ${task.id}`;
  });
  const handle = await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length > 0);
  cluster.pause(cluster.runs("s")[0]!.node, 4 * LEASE_MS);
  expect(await cluster.until(handle.done(), { timeoutMs: 120_000 })).toMatchObject({
    state: "completed",
    result: "attempt 2 of s",
  });
  await cluster.advance(4 * LEASE_MS);
  expect((await cluster.until(cluster.client.get("s")))?.result).toBe("attempt 2 of s");
  expect(ends.sort()).toEqual(["refused", "stored"]);
});
