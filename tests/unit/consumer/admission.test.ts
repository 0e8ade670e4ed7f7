/** What the consumer does with leases that its balancer refuses, and with tasks that others should run. */
import { expect, test } from "bun:test";
import { Bench } from "../../support/fake-coordinator.ts";

test("a lease that is refused is declined until then, and its handler never starts", () => {
  const bench = new Bench(10, { admit: ({ id }) => id === "no" ? 5000 : null });
  const ran: string[] = [];
  bench.handle((task) => new Promise(() => ran.push(task.id)));
  bench.start(7, { id: "no" });
  bench.start(8, { id: "yes" });
  expect(bench.settled).toEqual([
    {
      p: 1,
      id: "no",
      fence: 7,
      seq: 1,
      upTo: 0,
      settlement: { type: "decline", forMs: 5000 },
    },
  ]);
  bench.consumer.settled(1, 7, 1, true);
  expect([ran, bench.eventTypes, bench.consumer.runningCount]).toEqual([["yes"], ["task:start"], 1]);
});

test("what nobody could admit is not asked about: no handler, or a node that drains", () => {
  let asked = 0;
  const bench = new Bench(10, { admit: () => (asked++, null) });
  bench.start(7);
  bench.handle(() => undefined);
  void bench.consumer.drain("drain");
  bench.start(8);
  expect(asked).toBe(0);
  expect(bench.settled.map(({ settlement }) => settlement.type)).toEqual(["release", "release"]);
});

test("a task that others should run is aborted, and released when its handler has ended", async () => {
  const bench = new Bench();
  const ended = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  bench.handle((_task, ctx) => {
    ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason.reason));
    return ended.promise;
  });
  bench.start(7);
  const stop = (id: string): boolean => bench.consumer.stopTask(id, "balance");
  expect([stop("t"), stop("x")]).toEqual([true, false]);
  expect(reasons).toEqual(["balance"]);
  expect(bench.settled).toEqual([]);
  ended.resolve();
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  bench.record();
  expect(bench.events.at(-1)).toMatchObject(["task:released", { task: "t", reason: "balance" }]);
});

test("the load of a node is the sum of what its running tasks report", async () => {
  const bench = new Bench();
  const ends: (() => void)[] = [];
  bench.handle((task, ctx) => {
    if (task.id !== "silent") ctx.load(Number(task.id));
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  for (const [at, id] of ["1.5", "silent", "2"].entries()) bench.start(at + 1, { id });
  expect(bench.consumer.load()).toBe(3.5);
  ends[0]!();
  await bench.settlement();
  expect(bench.consumer.load()).toBe(2);
});
