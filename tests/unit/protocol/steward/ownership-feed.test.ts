/** What a steward announces about ownership, and what comes and goes too quickly to be announced. */
import { expect, test } from "bun:test";
import { EngineBench } from "../../../support/engine-bench.ts";

/** Rounds are half a second; a task is announced when it is older than one. */
const ANNOUNCED_MS = 1200;

function stage(): EngineBench {
  const bench = new EngineBench([{ name: "a" }], 1);
  bench.submit("t");
  return bench;
}

test("a task that runs is announced, and so is that it does not run any more", () => {
  const bench = stage();
  bench.run(ANNOUNCED_MS);
  expect(bench.owned).toEqual(["t leased a"]);
  bench.settle("t");
  bench.run(ANNOUNCED_MS);
  expect(bench.owned).toEqual(["t leased a", "t completed "]);
});

test("a task that ends before it was announced is never mentioned", () => {
  const bench = stage();
  bench.run(100);
  bench.settle("t");
  bench.run(2 * ANNOUNCED_MS);
  expect(bench.owned).toEqual([]);
});

test("a task that is taken over is announced with its next owner", () => {
  const bench = stage();
  bench.run(ANNOUNCED_MS);
  bench.settle("t", { type: "release" });
  bench.run(ANNOUNCED_MS);
  expect(bench.owned).toEqual(["t leased a", "t leased a"]);
  expect(bench.starts).toEqual(["t@a", "t@a"]);
});
