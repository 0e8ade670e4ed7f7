/** Clients that wait for the ends of tasks hear of them; where that is usual, the submit asks for them. */
import { expect, test } from "bun:test";
import { EngineBench } from "../../../support/engine-bench.ts";

const ids = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => prefix + i);

function cluster(): EngineBench {
  return new EngineBench(["a", "b", "c"].map((name) => ({ name, slots: 1000 })));
}

/** From here on ends are likely to be asked for. */
function teach(bench: EngineBench, count = 1): void {
  for (const id of ids("taught", count)) {
    bench.submit(id);
    bench.run(20);
    bench.watch(id);
    bench.settle(id);
    bench.run(20);
  }
  bench.ended.length = 0;
  bench.sent.length = 0;
}

function endAll(bench: EngineBench, which: readonly string[]): void {
  for (const id of which) bench.settle(id);
  bench.run(50);
}

const asked = ({ sent }: EngineBench): boolean[] =>
  sent.flatMap((message) => message.type === "submit" ? message.items.map((item) => item.watch > 0) : []);
const watchCount = ({ sent }: EngineBench): number => sent.filter(({ type }) => type === "watch").length;

test("where nobody waited, submits do not ask for ends, and a wait is a message of its own", () => {
  const bench = cluster();
  const tasks = ids("t", 20);
  for (const id of tasks) bench.submit(id);
  bench.run(20);
  expect(asked(bench).length).toBeGreaterThan(0);
  expect(asked(bench)).not.toContain(true);
  for (const id of tasks) bench.watch(id);
  endAll(bench, tasks);
  expect(watchCount(bench)).toBeGreaterThan(0);
  expect(bench.ended.toSorted()).toEqual(tasks.map((id) => `${id} completed`).toSorted());
});

test("where ends were waited for, the next submits ask along and waits send nothing", () => {
  const bench = cluster();
  teach(bench);
  const tasks = ids("t", 20);
  for (const id of tasks) bench.submit(id);
  bench.run(20);
  expect(asked(bench).length).toBeGreaterThan(0);
  expect(asked(bench)).not.toContain(false);
  for (const id of tasks) bench.watch(id);
  endAll(bench, tasks);
  expect(watchCount(bench)).toBe(0);
  expect(bench.ended.toSorted()).toEqual(tasks.map((id) => `${id} completed`).toSorted());
});

test("an end that came before anybody waited is reported once somebody does, and only once", () => {
  const bench = cluster();
  teach(bench);
  bench.submit("early");
  bench.run(20);
  endAll(bench, ["early"]);
  expect(bench.ended).toEqual([]);
  bench.watch("early");
  bench.run(10_000);
  expect(bench.ended).toEqual(["early completed"]);
});

test("a long result that nobody waited for yet is asked for again", () => {
  const bench = cluster();
  teach(bench);
  bench.submit("long");
  bench.run(20);
  bench.settle("long", { type: "complete", result: new Uint8Array(5000) });
  bench.run(50);
  bench.watch("long");
  bench.run(50);
  expect(bench.ended).toEqual(["long completed"]);
});

// a run of the simulator waited for ever: seed 1 of the profile "purge" when this was new
test("a repeated submit that asks for the end makes a watch that nobody wanted a wanted one", () => {
  const bench = cluster();
  teach(bench);
  bench.submit("again");
  bench.run(20);
  bench.submit("again", null, "h", true);
  bench.run(20);
  bench.run(10_000);
  endAll(bench, ["again"]);
  expect(bench.ended).toEqual(["again completed"]);
});

test("watches that nobody wants are dropped, not repeated, and submits stop asking", () => {
  const bench = cluster();
  teach(bench, 3);
  const tasks = ids("t", 20);
  for (const id of tasks) bench.submit(id);
  bench.run(20);
  expect(asked(bench).length).toBeGreaterThan(0);
  expect(asked(bench)).not.toContain(false);
  bench.run(20_000);
  expect(watchCount(bench)).toBe(0);
  bench.sent.length = 0;
  for (const id of ids("later", 20)) bench.submit(id);
  bench.run(20);
  expect(asked(bench).length).toBeGreaterThan(0);
  expect(asked(bench)).not.toContain(true);
  bench.watch("t0");
  endAll(bench, ["t0"]);
  expect(bench.ended).toEqual(["t0 completed"]);
});
