/** What clients do with ends, and what lists show of tasks: claims about a steward's answers. */
import { expect, test } from "bun:test";
import type { TaskRequest } from "../../../../src/protocol/model/types.ts";
import { EngineBench } from "../../../support/engine-bench.ts";
import { PLAIN_OPTIONS } from "../../../support/tasks.ts";

function cluster(): EngineBench {
  return new EngineBench([{ name: "a" }], 1);
}

/** A task that has failed; its fence. */
function failed(bench: EngineBench, id: string): number {
  bench.submit(id);
  bench.run(100);
  bench.settle(id, { type: "fail", message: "no", because: "errors" });
  bench.run(100);
  return bench.fenceOf(id);
}

function asked(bench: EngineBench, id: string, ...requests: readonly TaskRequest[]): readonly string[] {
  bench.commanded.length = 0;
  for (const request of requests) bench.command(id, request);
  bench.run(100);
  return bench.commanded.map((line) => line.split(" ")[1]!);
}

test("of two retries of one end one counts and the other is refused; the fence grows", () => {
  const bench = cluster();
  const fence = failed(bench, "t");
  expect(asked(bench, "t", { type: "retry", fence }, { type: "retry", fence })).toEqual(["applied", "open"]);
  expect(bench.running.get("t")!.task.fence).toBeGreaterThan(fence);
  expect(bench.running.get("t")!.task).toMatchObject({ attempt: 1, errorAgesMs: [] });
});

test("a retry of an end before the last is refused as another one, and of a completed task as well", () => {
  const bench = cluster();
  const first = failed(bench, "t");
  asked(bench, "t", { type: "retry", fence: first });
  bench.settle("t", { type: "fail", message: "again", because: "errors" });
  bench.run(100);
  expect(asked(bench, "t", { type: "retry", fence: first })).toEqual(["other"]);
  expect(asked(bench, "t", { type: "retry", fence: bench.fenceOf("t") })).toEqual(["applied"]);
  bench.settle("t");
  bench.run(100);
  expect(asked(bench, "t", { type: "retry", fence: bench.fenceOf("t") })).toEqual(["invalid"]);
});

test("a purge of what runs is refused; of an end it makes the id free, and a repeat finds nothing", () => {
  const bench = cluster();
  bench.submit("t");
  bench.run(100);
  expect(asked(bench, "t", { type: "purge", fence: bench.fenceOf("t") })).toEqual(["open"]);
  bench.settle("t");
  bench.run(100);
  const fence = bench.fenceOf("t");
  expect(asked(bench, "t", { type: "purge", fence }, { type: "purge", fence })).toEqual([
    "applied",
    "unknown",
  ]);
  bench.answers.length = 0;
  bench.submit("t");
  bench.run(100);
  expect([bench.answers, bench.running.has("t")]).toEqual([["created"], true]);
});

test("after a purge other submits are as old as they are: none is refused for it", () => {
  const bench = cluster();
  const fence = failed(bench, "t");
  asked(bench, "t", { type: "purge", fence });
  bench.answers.length = 0;
  bench.submit("u", null, "h", false, 60_000);
  bench.run(100);
  expect(bench.answers).toEqual(["created"]);
});

test("a list is narrowed down by state, name, tag, node, beginning of the id, and time", () => {
  const bench = cluster();
  bench.submit("run/1", { ...PLAIN_OPTIONS, tags: ["eu", "invoice"] });
  bench.submit("run/2");
  bench.submit("wait/1", { ...PLAIN_OPTIONS, tags: ["eu"] }, "nobody");
  bench.run(100);
  expect(bench.list("", 9, { states: ["pending"] })).toEqual(["wait/1"]);
  expect(bench.list("", 9, { states: ["pending", "leased"] }).length).toBe(3);
  expect(bench.list("", 9, { name: "h" })).toEqual(["run/1", "run/2"]);
  expect(bench.list("", 9, { tag: "eu" })).toEqual(["run/1", "wait/1"]);
  expect(bench.list("", 9, { tag: "e" })).toEqual([]);
  expect(bench.list("", 9, { node: "a" })).toEqual(["run/1", "run/2"]);
  expect(bench.list("", 9, { node: "b" })).toEqual([]);
  expect(bench.list("", 9, { idPrefix: "run/" })).toEqual(["run/1", "run/2"]);
  expect(bench.list("", 9, { untilMs: 1 })).toEqual([]);
  expect(bench.list("", 9, { sinceMs: 1 }).length).toBe(3);
});

test("a page has no more bytes than were asked for, but one task at least", () => {
  const bench = cluster();
  for (const id of ["a", "b", "c"]) bench.submit(id.repeat(200), null, "nobody");
  bench.run(100);
  expect(bench.list("", 9, {}, 1).length).toBe(1);
  expect(bench.list("", 9, {}, 700).length).toBe(2);
  expect(bench.list("a".repeat(200), 9, {}, 1).map((id) => id[0])).toEqual(["b"]);
});
