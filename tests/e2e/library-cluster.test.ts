/** The library as its users have it: three nodes, one of them goes in several ways. */
import { expect, test } from "bun:test";
import { connectClient, defineTask, dumbBalancer, NoQuorumError, UnknownOutcomeError } from "../../mod.ts";
import type { Node } from "../../mod.ts";
import {
  LEASE_TTL_MS,
  LibraryCluster,
  nextEvent,
  overlapsOf,
  type Seen,
} from "../support/library-cluster.ts";

const double = defineTask<number, number>({ name: "double" });
const hold = defineTask<{ ms: number }, string>({ name: "hold" });

/** `hold` obeys its signal; what it saw is noted. */
function handlers(seen: Seen[]): (node: Node) => void {
  return (node) => {
    node.handle(double, (task) => task.input * 2);
    node.handle(hold, (task, ctx) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const mine = {
        task: task.id,
        node: node.name,
        fence: ctx.fence,
        startMs: performance.now(),
        endMs: Infinity,
      };
      seen.push(mine);
      const end = (): void => {
        mine.endMs = Math.min(mine.endMs, performance.now());
        clearTimeout(timer);
      };
      const timer = setTimeout(() => (end(), resolve(node.name)), task.input.ms);
      ctx.signal.addEventListener("abort", () => (end(), reject(ctx.signal.reason)));
      return promise;
    });
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error("Cannot go on: it did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Younger tasks would be suspected of the end of their node, and wait for it. */
async function grownUp(): Promise<void> {
  const readyMs = performance.now() + 6000;
  await until(() => performance.now() > readyMs);
}

test("tasks submitted at any node run on all of them and tell their results", async () => {
  await using cluster = await LibraryCluster.start(handlers([]));
  const [a, b, c] = cluster.nodes as [Node, Node, Node];
  const inputs = Array.from({ length: 300 }, (_, n) => ({ input: n, id: `n${n}` }));
  const done: Set<string> = new Set();
  for (const node of [a, b, c]) node.addEventListener("task:done", () => done.add(node.name));
  const handles = await b.client.submitMany(double, inputs);
  const outcomes = await Promise.all(handles.map((handle) => handle.done()));
  expect(outcomes).toEqual(inputs.map(({ input }) => ({ state: "completed", result: input * 2 })));
  expect([...done].sort()).toEqual(["a", "b", "c"]);
  expect((await c.client.submit(double, 7, { id: "n7" })).created).toBe(false);
  expect(await a.client.get("n7")).toMatchObject({ state: "completed", result: 14, attempt: 1, errors: [] });
  const nodes = await c.client.nodes();
  expect(nodes.map((info) => info.name).sort()).toEqual(["a", "b", "c"]);
  expect(nodes.reduce((sum, info) => sum + info.stewardOf, 0)).toBe(128);
});

test("when a node is gone the others run its tasks after its leases, never at once", async () => {
  const seen: Seen[] = [];
  // levelling would move some of them once more
  await using cluster = await LibraryCluster.start(handlers(seen), { balancer: dumbBalancer() });
  const [a, , c] = cluster.nodes as [Node, Node, Node];
  const handles = await a.client.submitMany(
    hold,
    Array.from({ length: 30 }, () => ({ input: { ms: 12_000 } })),
  );
  await until(() => seen.length === 30);
  const orphans = seen.filter((each) => each.node === "c").map((each) => each.task);
  expect(orphans.length).toBeGreaterThan(0);
  await grownUp();
  const goneMs = performance.now();
  await c.stop({ now: true });
  const outcomes = await Promise.all(handles.map((handle) => handle.done()));
  expect(outcomes.every((outcome) => outcome.state === "completed")).toBe(true);
  const again = seen.filter((each) => orphans.includes(each.task) && each.node !== "c");
  expect(again.map((each) => each.task).sort()).toEqual(orphans.sort());
  expect(Math.max(...again.map((each) => each.startMs)) - goneMs).toBeLessThan(3 * LEASE_TTL_MS);
  expect(overlapsOf(seen)).toEqual([]);
  const info = await a.client.get(orphans[0] ?? "");
  expect(info?.errors).toEqual([]);
  expect(info?.lapses).toMatchObject([{ nodeName: "c", attempt: 1, counted: true }]);
});

test("a node that drains gives its tasks back at once, and leaves", async () => {
  const seen: Seen[] = [];
  await using cluster = await LibraryCluster.start(handlers(seen), { leaseTtlMs: 3 * LEASE_TTL_MS });
  const [a, b] = cluster.nodes as [Node, Node, Node];
  await a.client.submitMany(
    hold,
    Array.from({ length: 12 }, (_, n) => ({ input: { ms: 60_000 }, id: `h${n}` })),
  );
  await until(() => seen.length === 12);
  const mine = seen.filter((each) => each.node === "b").map((each) => each.task);
  const events: string[] = [];
  for (const type of ["draining", "task:released", "stopped"] as const) {
    b.addEventListener(type, () => events.push(type));
  }
  await b.stop();
  expect(events).toEqual(["draining", ...mine.map(() => "task:released"), "stopped"]);
  await until(() => seen.filter((each) => mine.includes(each.task)).length === 2 * mine.length);
  for (const task of mine) {
    const [first, second] = seen.filter((each) => each.task === task);
    expect((second?.startMs ?? Infinity) - (first?.endMs ?? 0)).toBeLessThan(1.5 * LEASE_TTL_MS);
  }
  expect(overlapsOf(seen)).toEqual([]);
  expect(b.state).toBe("stopped");
});

test("a minority stops its tasks, says why it can record nothing", async () => {
  const seen: Seen[] = [];
  await using cluster = await LibraryCluster.start(handlers(seen));
  const [a, b, c] = cluster.nodes as [Node, Node, Node];
  await a.client.submitMany(hold, Array.from({ length: 9 }, () => ({ input: { ms: 60_000 } })));
  await until(() => seen.length === 9);
  const quorumLost = nextEvent(a, "quorum:lost");
  await Promise.all([b.stop({ now: true }), c.stop({ now: true })]);
  const goneMs = performance.now();
  await quorumLost;
  await until(() => seen.every((each) => each.endMs < Infinity));
  expect(Math.max(...seen.map((each) => each.endMs)) - goneMs).toBeLessThan(LEASE_TTL_MS);
  const error = await a.client.submit(double, 1, { timeoutMs: 500 }).catch((each) => each);
  // whether its steward was this node decides which of the two it is; both say what is missing
  expect(error instanceof NoQuorumError || error instanceof UnknownOutcomeError).toBe(true);
  expect(error.message).toMatch(/no quorum: partition \d+ needs 2 of 3 keepers, .*a \(up\).*/);
  expect((await a.client.nodes()).map((info) => `${info.name} ${info.state}`).sort()).toEqual([
    "a up",
    "b down",
    "c down",
  ]);
});

test("a client that is no member goes on with another member when its own is gone", async () => {
  const seen: Seen[] = [];
  await using cluster = await LibraryCluster.start(handlers(seen));
  const [a] = cluster.nodes as [Node, Node, Node];
  const { namespace } = cluster;
  await using client = await connectClient({ namespace, join: a.addresses });
  const handles = await client.submitMany(hold, Array.from({ length: 6 }, () => ({ input: { ms: 9000 } })));
  const outcomes = Promise.all(handles.map((handle) => handle.done()));
  await until(() => seen.length === 6);
  await client.nodes();
  await grownUp();
  await a.stop({ now: true });
  expect((await outcomes).map((outcome) => outcome.state)).toEqual(handles.map(() => "completed"));
  expect((await client.submit(double, 4)).created).toBe(true);
  expect(overlapsOf(seen)).toEqual([]);
});
