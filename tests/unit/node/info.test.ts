/** What a node shows of what it runs: `tasks()`, and Metafora's info handler. */
import { expect, test } from "bun:test";
import { createNode, defineTask, infoHandler, type Node, type NodeReport } from "../../../mod.ts";

const stream = defineTask<null, string>({ name: "stream" });

/** A node alone, and what ends its tasks by id. */
async function running(): Promise<
  { node: Node; end: Map<string, () => void>; started: (id: string) => Promise<void> }
> {
  const node = await createNode({ coordinator: "embedded", drainTimeoutMs: 100 });
  const end = new Map<string, () => void>();
  const waiting = new Map<string, () => void>();
  node.handle(stream, async (task) => {
    const ended = Promise.withResolvers<void>();
    end.set(task.id, ended.resolve);
    waiting.get(task.id)?.();
    await ended.promise;
    return "over";
  });
  await node.ready();
  const started = async (id: string): Promise<void> => {
    const runs = new Promise<void>((resolve) => waiting.set(id, resolve));
    await node.client.submit(stream, null, { id });
    await runs;
  };
  return { node, end, started };
}

test("what runs is listed at each step", async () => {
  const { node, end, started } = await running();
  await using _ = node;
  expect(node.tasks()).toEqual([]);
  const beforeMs = Date.now();
  for (const id of ["a", "b"]) await started(id);
  expect(node.tasks()).toMatchObject([
    { id: "a", name: "stream", attempt: 1, stopped: null },
    { id: "b", name: "stream", attempt: 1, stopped: null },
  ]);
  const [first] = node.tasks();
  expect(first!.fence).toBeGreaterThan(0n);
  expect(Math.abs(first!.started.getTime() - beforeMs)).toBeLessThan(5000);
  const done = new Promise((resolve) => node.addEventListener("task:done", resolve, { once: true }));
  end.get("a")!();
  await done;
  expect(node.tasks().map(({ id }) => id)).toEqual(["b"]);
  node.freeze();
  end.get("b")!();
});

test("the info handler shows the node's name, whether it is frozen, since when, and its tasks", async () => {
  const { node, end, started } = await running();
  await using _ = node;
  const handler = infoHandler(node);
  const report = async (): Promise<NodeReport> => await handler().json() as NodeReport;
  expect(await report()).toMatchObject({
    node: node.id,
    name: node.name,
    state: "ready",
    frozen: false,
    tasks: [],
  });
  await started("a");
  node.freeze();
  const info = await report();
  expect(info).toMatchObject({ frozen: true, tasks: [{ id: "a", attempt: 1, stopped: null }] });
  expect(new Date(info.started).getTime()).toBeLessThanOrEqual(Date.now());
  expect(info.tasks[0]!.fence).toMatch(/^\d+$/);
  end.get("a")!();
});

test("the info handler answers while a handler does not stop, and says since when it should", async () => {
  const { node, end, started } = await running();
  const handler = infoHandler(node);
  await started("a");
  const draining = node.drain();
  const { state, tasks } = await handler().json() as NodeReport;
  expect([state, tasks.length]).toEqual(["draining", 1]);
  expect(tasks[0]!.stopped).not.toBeNull();
  await draining;
  end.get("a")!();
  await node.stop();
});
