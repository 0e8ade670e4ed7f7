/** What a node could not start, through no fault of the task. */
import { expect, test } from "bun:test";
import { DeclinedError } from "../../../src/base/errors.ts";
import type { Context } from "../../../src/consumer/context.ts";
import { ThreadPool } from "../../../src/consumer/threads/thread-pool.ts";
import { Bench } from "../../support/fake-coordinator.ts";

test("a handler that declines gives the task back uncounted, with why and for how long", async () => {
  const bench = new Bench();
  bench.handle(() => {
    throw new DeclinedError("no room", 2000);
  });
  bench.start(7, { attemptsMax: 1 });
  const { settlement } = await bench.settlement();
  expect(settlement).toEqual({ type: "decline", forMs: 2000, why: "no room" });
  bench.record();
  expect(bench.events[1]).toEqual(["task:released", expect.objectContaining({ reason: "decline: no room" })]);
});

test("a thread that cannot be started is charged to no task, and its node pauses", async () => {
  const pool = new ThreadPool(1, () => {
    throw Object.assign(new Error("x"), { code: "EMFILE" });
  });
  const run = pool.handler(new URL("file:///handler.js"), {});
  const task = { id: "t", name: "n", input: null, state: undefined };
  const error = await Promise.resolve(run(task, {} as Context)).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(DeclinedError);
  expect(error).toMatchObject({ message: "cannot start a thread: EMFILE", forMs: 1000 });
});
