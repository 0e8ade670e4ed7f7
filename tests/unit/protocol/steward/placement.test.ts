/** Claims about which node gets a task: three engines, and tasks that run until they are ended. */
import { expect, test } from "bun:test";
import { EngineBench, optionsOf } from "../../../support/engine-bench.ts";

const ABC = [
  { name: "a", labels: { zone: "z1", gpu: "yes" } },
  { name: "b", labels: { zone: "z2" } },
  { name: "c", labels: { zone: "z2", disk: "ssd" } },
];

const ids = (count: number, prefix = "t"): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

test("a task runs only where all labels are that it requires", () => {
  const bench = new EngineBench(ABC);
  const requires = [{ key: "zone", value: "z2" }, { key: "disk", value: "ssd" }];
  for (const id of ids(8)) bench.submit(id, optionsOf({ requires }));
  bench.run(200);
  expect(new Set(ids(8).map((id) => bench.whereIs(id)))).toEqual(new Set(["c"]));
});

test("a task that names a node waits for it, however free the others are", () => {
  const bench = new EngineBench(ABC.map((node) => ({ ...node, slots: 1 })));
  bench.submit("first", optionsOf({ node: "b" }));
  bench.submit("second", optionsOf({ node: "b" }));
  bench.run(3000);
  const [there, waits] = bench.whereIs("first") === "b" ? ["first", "second"] : ["second", "first"];
  expect(bench.whereIs(there)).toBe("b");
  expect(bench.whereIs(waits)).toBe("");
  expect(bench.why(waits)).toBe('waits for capacity: node "b", the only one that may run it, is full');
  bench.settle(there);
  bench.run(1000);
  expect(bench.whereIs(waits)).toBe("b");
});

test("a task that nobody can run holds up no other", () => {
  const bench = new EngineBench(ABC);
  const requires = [{ key: "gpu", value: "two" }];
  for (const id of ids(20, "stuck")) bench.submit(id, optionsOf({ requires }));
  for (const id of ids(9)) bench.submit(id);
  bench.run(200);
  for (const id of ids(9)) expect(bench.whereIs(id)).not.toBe("");
  expect(bench.why("stuck3")).toBe('no connected node with a handler named "h" has the label gpu=two');
});

test("the node whose preferred labels weigh most gets the task, a negative weight keeps it away", () => {
  const bench = new EngineBench(ABC);
  const prefers = [{ key: "zone", value: "z2", weight: 2 }, { key: "disk", value: "ssd", weight: 1 }];
  bench.submit("best", optionsOf({ prefers }));
  bench.submit("not b or c", optionsOf({ prefers: [{ key: "zone", value: "z2", weight: -1 }] }));
  bench.run(200);
  expect(bench.whereIs("best")).toBe("c");
  expect(bench.whereIs("not b or c")).toBe("a");
});

test("a preference yields to the bound on loads: the others get some of many tasks", () => {
  const bench = new EngineBench(ABC.map((node) => ({ ...node, slots: 30 })));
  for (const id of ids(30)) {
    bench.submit(id, optionsOf({ prefers: [{ key: "gpu", value: "yes", weight: 9 }] }));
  }
  bench.run(500);
  const count = (node: string): number => ids(30).filter((id) => bench.whereIs(id) === node).length;
  expect(count("a")).toBeGreaterThanOrEqual(10);
  expect(count("a")).toBeLessThan(20);
  expect(count("a") + count("b") + count("c")).toBe(30);
});

test("a preference waits for nobody: when its node is full another one gets the task", () => {
  const bench = new EngineBench([{ ...ABC[0]!, slots: 1 }, ABC[1]!, ABC[2]!]);
  const prefers = [{ key: "gpu", value: "yes", weight: 9 }];
  for (const id of ids(6)) bench.submit(id, optionsOf({ prefers }));
  bench.run(500);
  for (const id of ids(6)) expect(bench.whereIs(id)).not.toBe("");
});

test("with one slot the highest priority goes first, in the order of submits where it is equal", () => {
  const bench = new EngineBench([{ name: "a", slots: 1 }], 1);
  bench.submit("running");
  bench.run(100);
  for (const [id, priority] of [["low", -1], ["x", 0], ["high", 5], ["y", 0], ["higher", 6]] as const) {
    bench.submit(id, optionsOf({}, priority));
  }
  bench.run(100);
  for (let i = 0; i < 6; i++) {
    bench.settle([...bench.running.keys()][0]!);
    bench.run(300);
  }
  expect(bench.starts).toEqual(["running@a", "higher@a", "high@a", "x@a", "y@a", "low@a"]);
});

test("the highest priority of all partitions goes first, whoever is their steward", () => {
  const bench = new EngineBench(
    [{ name: "a", slots: 1 }, { name: "b", slots: 0 }, { name: "c", slots: 0 }],
    8,
  );
  bench.submit("running");
  bench.run(300);
  const order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7];
  for (const priority of order) bench.submit(`p${priority}`, optionsOf({}, priority));
  bench.run(2000);
  for (let i = 0; i < 11; i++) {
    bench.settle([...bench.running.keys()][0]!);
    bench.run(2000);
  }
  expect(bench.starts.slice(1)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((priority) => `p${priority}@a`));
});

test("tasks with one apart key run one on each node, and the next as soon as one ends", () => {
  const bench = new EngineBench(ABC);
  for (const id of ids(5)) bench.submit(id, optionsOf({ apart: "db" }));
  bench.submit("other", optionsOf({ apart: "cache" }));
  bench.run(1500);
  const running = ids(5).filter((id) => bench.whereIs(id) !== "");
  expect(running.map((id) => bench.whereIs(id)).sort()).toEqual(["a", "b", "c"]);
  expect(bench.whereIs("other")).not.toBe("");
  const waits = ids(5).find((id) => bench.whereIs(id) === "")!;
  expect(bench.why(waits)).toContain('waits to be apart: all 3 nodes with a handler named "h" are running');
  const free = bench.whereIs(running[0]!);
  bench.settle(running[0]!);
  bench.run(300);
  const next = ids(5).filter((id) => bench.whereIs(id) !== "" && !running.includes(id));
  expect(next.map((id) => bench.whereIs(id))).toEqual([free]);
});

test("a freed apart key is known to every steward at once", () => {
  const bench = new EngineBench([{ name: "a" }, { name: "b", slots: 0 }, { name: "c", slots: 0 }], 16);
  for (const id of ids(12)) bench.submit(id, optionsOf({ apart: "db" }));
  for (let ended = 0; ended < 12; ended++) {
    bench.run(500);
    expect([...bench.running.keys()].length).toBe(1);
    bench.settle([...bench.running.keys()][0]!);
  }
});

test("no node is sent demand for tasks that it cannot run, though it is full", () => {
  const bench = new EngineBench(ABC.map((node) => ({ ...node, slots: 1 })), 16);
  for (const id of ids(3)) bench.submit(id);
  bench.run(3000);
  bench.demandTo.clear();
  for (const id of ids(20, "only a")) bench.submit(id, optionsOf({ node: "a" }));
  bench.run(3000);
  expect([...bench.demandTo]).toEqual(["a"]);
});

test("who gets a slot free gets at once what all others declined; stewards do not quarrel over it", () => {
  const bench = new EngineBench(ABC.slice(0, 2).map((node) => ({ ...node, slots: 1 })), 16);
  bench.submit("of a", optionsOf({ node: "a" }));
  bench.submit("of b", optionsOf({ node: "b" }));
  bench.run(1000);
  for (const id of ids(12)) bench.submit(id);
  bench.run(1000);
  bench.settle("of b");
  for (let declined = 0; declined < 12; declined++) {
    bench.run(1500);
    const id = ids(12).find((each) => bench.whereIs(each) === "b");
    if (id !== undefined) bench.settle(id, { type: "decline", forMs: 600_000 });
  }
  bench.settle("of a");
  for (let ended = 0; ended < 12; ended++) {
    bench.run(300);
    const [id] = bench.running.keys();
    expect(bench.whereIs(id ?? "nothing runs")).toBe("a");
    bench.settle(id!);
  }
});

test("who declined until a time is not asked before it, and is asked then", () => {
  const bench = new EngineBench(ABC);
  bench.submit("t");
  bench.run(100);
  for (let i = 0; i < 3; i++) {
    bench.settle("t", { type: "decline", forMs: 5000 });
    bench.run(100);
  }
  expect(new Set(bench.starts)).toEqual(new Set(["t@a", "t@b", "t@c"]));
  expect(bench.why("t")).toContain("declined it, the first until ");
  bench.run(4000);
  expect(bench.starts.length).toBe(3);
  bench.run(1500);
  expect(bench.starts.length).toBe(4);
  expect(bench.running.get("t")!.task.attempt).toBe(1);
});

test("who declined until something changes is asked again when it offers anew", () => {
  const bench = new EngineBench([ABC[0]!]);
  bench.submit("t");
  bench.run(100);
  bench.settle("t", { type: "decline", forMs: 0 });
  bench.run(10_000);
  expect(bench.starts.length).toBe(1);
  bench.offer(ABC[0]!);
  bench.run(200);
  expect(bench.starts.length).toBe(2);
});

test("a task that was declined for good is asked about again within half a minute", () => {
  const bench = new EngineBench([ABC[0]!]);
  bench.submit("t");
  bench.run(100);
  bench.settle("t", { type: "decline", forMs: 0 });
  bench.run(31_500);
  expect(bench.starts.length).toBe(2);
});

test("a handler's own limit is kept, and what it cannot take runs elsewhere", () => {
  const handlers = ["h", "slow"];
  const bench = new EngineBench([
    { name: "a", handlers, limits: { slow: 2 } },
    { name: "b", handlers, limits: { slow: 1 } },
    { name: "c", handlers: ["h"] },
  ]);
  for (const id of ids(6)) bench.submit(id, null, "slow");
  for (const id of ids(6, "h")) bench.submit(id);
  bench.run(5000);
  const count = (node: string): number => ids(6).filter((id) => bench.whereIs(id) === node).length;
  expect([count("a"), count("b"), count("c")]).toEqual([2, 1, 0]);
  for (const id of ids(6, "h")) expect(bench.whereIs(id)).not.toBe("");
  const waits = ids(6).find((id) => bench.whereIs(id) === "")!;
  expect(bench.why(waits)).toBe('waits for capacity: all 2 nodes with a handler named "slow" are full');
  bench.settle(ids(6).find((id) => bench.whereIs(id) === "b")!);
  bench.run(1000);
  expect(count("b")).toBe(1);
});
