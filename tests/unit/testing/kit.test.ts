/** The test kit without faults: time, checks, what handlers see, what it refuses. */
import { expect, test } from "bun:test";
import { defineTask, type TaskDefinition } from "../../../mod.ts";
import { NotDoneError, simulate } from "../../../src/testing/kit.ts";

const nap: TaskDefinition<number, number> = defineTask<number, number>({ name: "nap" });
const SMALL = { nodes: 3, options: { partitions: 8 } };

test("time of five nodes passes faster than the real one", async () => {
  await using cluster = simulate({ nodes: 5 });
  cluster.handle(nap, (task, ctx) => cluster.delay(task.input, ctx.signal).then(() => 1));
  const startedMs = performance.now();
  await cluster.submit(nap, 50_000);
  await cluster.advance(60_000);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  await cluster.allDone();
});

test("timers and clocks are virtual in handlers, and nowhere else", async () => {
  const before = [setTimeout, Date, performance.now, Date.now];
  const seen: number[] = [];
  {
    await using cluster = simulate({ ...SMALL, startAt: new Date("2030-01-01T00:00:00Z") });
    cluster.handle(nap, async (task, ctx) => {
      const startMs = Date.now();
      await new Promise((resolve) => setTimeout(resolve, task.input));
      clearTimeout(setTimeout(() => seen.push(-1), 1));
      AbortSignal.timeout(500).addEventListener("abort", () => seen.push(Date.now() - startMs));
      const ticking = setInterval(() => seen.push(0), 400);
      await cluster.delay(1000, ctx.signal);
      clearInterval(ticking);
      seen.push(new Date().getUTCFullYear(), Date.now() - startMs);
      return ctx.deadline - Date.now();
    });
    const realMs = Date.now();
    const handle = await cluster.submit(nap, 3000);
    const outcome = await cluster.until(handle.done());
    expect(outcome.state === "completed" && outcome.result).toBeGreaterThan(0);
    expect(new Date().getFullYear()).not.toBe(2030);
    expect(Date.now() - realMs).toBeLessThan(2000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(seen).toEqual([0, 3500, 0, 2030, 4000]);
  expect([setTimeout, Date, performance.now, Date.now]).toEqual(before);
});

test("without globals the timers of handlers are the runtime's", async () => {
  await using cluster = simulate({ ...SMALL, globals: false });
  cluster.handle(nap, () => Date.now() - performance.timeOrigin);
  const outcome = await cluster.until((await cluster.submit(nap, 0)).done());
  expect(outcome.state === "completed" && outcome.result).toBeLessThan(600_000);
});

test("virtual time stands still for what happens outside", async () => {
  await using cluster = simulate(SMALL);
  cluster.handle(nap, async () => {
    const startMs = cluster.now();
    await cluster.real(() => new Promise((resolve) => setTimeout(resolve, 20)));
    await expect(cluster.real(() => Promise.reject(new Error("no database")))).rejects.toThrow("no database");
    return cluster.now() - startMs;
  });
  const realMs = performance.now();
  const handle = await cluster.submit(nap, 0);
  expect(await cluster.until(handle.done())).toEqual({ state: "completed", result: 0 });
  expect(performance.now() - realMs).toBeGreaterThan(18);
});

test("tasks that are not done are named, and why", async () => {
  await using cluster = simulate(SMALL);
  cluster.handle(nap, async (task) => {
    await cluster.delay(10);
    throw new Error(`too tired for ${task.input}`);
  });
  await cluster.submit(nap, 1, { id: "fails", attempts: 1 });
  await cluster.submit(nap, 2, { id: "sleeps", attempts: 5 });
  await cluster.submit(defineTask({ name: "nobody" }), null, { id: "waits" });
  await cluster.advance(500);
  const error = await cluster.allDone().catch((thrown: unknown) => thrown) as NotDoneError;
  expect(error).toBeInstanceOf(NotDoneError);
  expect(error.message).toContain("3 tasks are not done:");
  expect(error.message).toContain('"fails" (nap) is failed; last error, of attempt 1: too tired for 1');
  expect(error.message).toContain('"waits" (nobody) is pending; ');
  expect(error.tasks.map(({ id }) => id).sort()).toEqual(["fails", "sleeps", "waits"]);
});

test("waiting ends, and says when and what happened last", async () => {
  await using cluster = simulate(SMALL);
  await cluster.ready();
  const waiting = cluster.until(() => false, { timeoutMs: 1000 });
  await expect(waiting).rejects.toThrow(/the condition does not hold after 1000 ms[^]*node-0 serves/);
  await expect(cluster.until(new Promise(() => {}), { timeoutMs: 5 })).rejects.toThrow("is not settled");
  await expect(cluster.until(Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  // an asynchronous condition would always hold
  const condition = (() => Promise.resolve(false)) as unknown as () => boolean;
  await expect(cluster.until(condition)).rejects.toThrow("must return a boolean");
});

test("a handler that drives the time fails with what to do instead", async () => {
  await using cluster = simulate(SMALL);
  cluster.handle(nap, async () => {
    await cluster.advance(1000);
    return 0;
  });
  const outcome = await cluster.until((await cluster.submit(nap, 0, { attempts: 1 })).done());
  expect(outcome).toMatchObject({
    state: "failed",
    error: expect.stringContaining("cluster.delay(ms, ctx.signal)"),
  });
});

test("a test that waits while time stands still is warned, with what to do instead", async () => {
  await using cluster = simulate(SMALL);
  const handle = await cluster.submit(nap, 0);
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  const done = handle.done();
  done.catch(() => {});
  const { message } = await warned;
  expect(message).toContain(`waits for the end of task "${handle.id}"`);
  expect(message).toContain("await it in `cluster.until(…)`");
});

test("several may wait at once, each as long as it wants", async () => {
  await using cluster = simulate(SMALL);
  const woken: number[] = [];
  const wait = async (ms: number): Promise<void> => {
    await cluster.advance(ms);
    woken.push(cluster.now());
  };
  await Promise.all([wait(300), wait(100), wait(200)]);
  expect(woken).toEqual([100, 200, 300]);
});

test("options are checked", () => {
  expect(() => simulate({ nodes: 0 })).toThrow("nodes must be an integer from 1 to 50, got 0");
  expect(() => simulate({ seeds: 1 } as object)).toThrow('did you mean "seed"?');
  expect(() => simulate({ options: { expect: 3 } as object })).toThrow(
    "options.expect is the cluster's business",
  );
  expect(() => simulate({ options: { leaseTtlMs: 1000, heartbeatMs: 900 } })).toThrow("leaseTtlMs must be");
  expect(() => simulate({ latencyMs: { min: 3, max: 1 } })).toThrow("0 <= min <= max");
});

test("a cluster that is over says so", async () => {
  const cluster = simulate(SMALL);
  const waiting = cluster.advance(1000);
  await cluster[Symbol.asyncDispose]();
  await expect(waiting).rejects.toThrow("the simulated cluster is over");
  expect(() => cluster.crash(0)).toThrow("the simulated cluster is over");
});
