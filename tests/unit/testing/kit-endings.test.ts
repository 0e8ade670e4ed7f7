/** Tasks that end badly, on whole nodes: those that kill their nodes, and those whose time is over. */
import { expect, test } from "bun:test";
import { AttemptAbortedError, defineTask, FatalError, type TaskDefinition } from "../../../mod.ts";
import { simulate, type SimulatedCluster } from "../../../src/testing/kit.ts";

const poison: TaskDefinition = defineTask({ name: "poison" });
const stream: TaskDefinition = defineTask({ name: "stream" });
const OPTIONS = { nodes: 3, seed: 5, options: { partitions: 8 } } as const;

interface Death {
  readonly node: number;
  readonly atMs: number;
}

/** The handler of `poison` crashes the node that it runs on. */
function killing(cluster: SimulatedCluster): Death[] {
  const deaths: Death[] = [];
  cluster.handle(poison, async (task, ctx) => {
    const { node } = cluster.runs(task.id).at(-1)!;
    await cluster.delay(50, ctx.signal);
    deaths.push({ node, atMs: cluster.now() });
    cluster.crash(node);
    await cluster.delay(60_000);
  });
  cluster.handle(stream, (_task, ctx) => cluster.delay(3_600_000, ctx.signal));
  return deaths;
}

test("a task that kills its nodes is failed as poison, and what runs beside it only moves", async () => {
  await using cluster = simulate(OPTIONS);
  const deaths = killing(cluster);
  for (let at = 0; at < 12; at++) await cluster.submit(stream, null, { id: `s${at}` });
  await cluster.advance(35_000);
  await cluster.submit(poison, null, { id: "p", attempts: 1 });
  for (let count = 1; count <= 7; count++) {
    await cluster.until(() => deaths.length === count, { timeoutMs: 400_000 });
    await cluster.advance(1000);
    cluster.restart(deaths.at(-1)!.node);
  }
  await cluster.advance(40_000);
  const info = await cluster.until(cluster.client.get("p"));
  expect(info).toMatchObject({ state: "failed", failedBecause: "poison", attempt: 7, errors: [] });
  expect(info!.lapses.map(({ counted }) => counted)).toEqual(Array.from({ length: 7 }, () => true));
  const pauses = deaths.slice(1).map(({ atMs }, at) => Math.round((atMs - deaths[at]!.atMs) / 10_000));
  expect(pauses).toEqual([0, 10, 4, 4, 6, 30]);
  for (let at = 0; at < 12; at++) {
    expect(await cluster.until(cluster.client.get(`s${at}`))).toMatchObject({ state: "leased" });
    // each gap is a lease that ends, and never a pause
    const runs = cluster.runs(`s${at}`);
    runs.slice(1).forEach(({ startMs }, no) => expect(startMs - runs[no]!.endMs!).toBeLessThan(8000));
  }
  cluster.noOverlap();
});

test("a suspect waits while its node is away, for a minute at most, and says so", async () => {
  await using cluster = simulate(OPTIONS);
  const deaths = killing(cluster);
  await cluster.submit(poison, null, { id: "p" });
  await cluster.until(() => deaths.length === 1);
  await cluster.advance(20_000);
  const info = await cluster.until(cluster.client.get("p"));
  expect(info!.why).toContain("that node's process died when the task had run for 0.1 s");
  expect(info!.why).toContain("waits until no partition would lose its quorum");
  await cluster.until(() => deaths.length === 2, { timeoutMs: 60_000 });
  expect(deaths[1]!.atMs - deaths[0]!.atMs).toBeGreaterThan(60_000);
});

test("a task that runs when its time is over is aborted as expired, and fails when it ends", async () => {
  await using cluster = simulate(OPTIONS);
  const reasons: unknown[] = [];
  cluster.handle(stream, async (_task, ctx) => {
    await cluster.delay(3_600_000, ctx.signal).catch((error) => reasons.push(error));
    await cluster.delay(500);
    return "late";
  });
  const handle = await cluster.submit(stream, null, { id: "s", expiresMs: 5000 });
  const outcome = await cluster.until(handle.done());
  expect(outcome).toMatchObject({ state: "failed", failedBecause: "expired" });
  expect(reasons[0]).toBeInstanceOf(AttemptAbortedError);
  expect((reasons[0] as AttemptAbortedError).reason).toBe("expired");
  const [run] = cluster.runs("s");
  expect(run!.abortedMs! - run!.startMs).toBeGreaterThan(4500);
  expect(run!.abortedMs! - run!.startMs).toBeLessThan(6000);
  expect(await cluster.until(cluster.client.get("s"))).toMatchObject({ attempt: 1, result: null });
});

test("a task that waits when its time is over fails and never starts", async () => {
  await using cluster = simulate(OPTIONS);
  const handle = await cluster.submit(stream, null, { id: "s", expiresMs: 5000 });
  expect(await cluster.until(handle.done())).toMatchObject({ state: "failed", failedBecause: "expired" });
  cluster.handle(stream, () => "too late");
  await cluster.advance(5000);
  expect(cluster.runs("s")).toEqual([]);
});

test("a task that would expire before its time of day is refused by the cluster's time", async () => {
  await using cluster = simulate(OPTIONS);
  const runAt = new Date(4e12);
  const submit = cluster.submit(stream, null, { id: "s", runAt, expiresMs: 5000 });
  await expect(cluster.until(submit)).rejects.toThrow(RangeError);
  await expect(cluster.until(submit)).rejects.toThrow(
    `expiresMs must end after runAt, ${runAt.toISOString()}`,
  );
  expect(await cluster.until(cluster.client.get("s"))).toBeUndefined();
});

test("why a task failed is told from what its handler and its commands said", async () => {
  await using cluster = simulate(OPTIONS);
  cluster.handle(stream, (task, ctx) => {
    if (task.id === "fatal") throw new FatalError("never");
    if (task.id === "errors") throw new Error("no");
    return cluster.delay(60_000, ctx.signal);
  });
  const ends = ["fatal", "errors", "command"].map(async (id) => {
    const handle = await cluster.submit(stream, null, { id, attempts: 1 });
    if (id === "command") await cluster.client.command(id, { type: "error", message: "stop it" });
    const outcome = await handle.done();
    return outcome.state === "failed" ? outcome.failedBecause : outcome.state;
  });
  expect(await cluster.until(Promise.all(ends))).toEqual(["fatal", "errors", "command"]);
});
