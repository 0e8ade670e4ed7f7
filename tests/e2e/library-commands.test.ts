/**
 * Commands to nodes, with the library: real nodes of one process on loopback, and a client that is no
 * member.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectClient, ConnectError, createNode, defineTask, NotFoundError } from "../../mod.ts";
import type { Client, Node, NodeInfo } from "../../mod.ts";
import { LibraryCluster, nextEvent } from "../support/library-cluster.ts";

const hold = defineTask<string, string>({ name: "hold" });

let cluster: LibraryCluster;
let client: Client & AsyncDisposable;
/** Where each task runs now. */
const runningOn: Map<string, string> = new Map();
const finish: Map<string, () => void> = new Map();

function prepare(node: Node): void {
  node.handle(hold, (task, ctx) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    runningOn.set(task.id, node.name);
    finish.set(task.id, () => resolve(node.name));
    ctx.signal.addEventListener("abort", () => {
      if (runningOn.get(task.id) === node.name) runningOn.delete(task.id);
      reject(ctx.signal.reason);
    });
    return promise;
  });
}

beforeAll(async () => {
  cluster = await LibraryCluster.start(prepare);
  const [, , c] = cluster.nodes;
  client = await connectClient({ namespace: cluster.namespace, join: [...c!.addresses], mdns: false });
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function until(fits: () => boolean | Promise<boolean>): Promise<void> {
  while (!await fits()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function runningTask(id: string): Promise<Node> {
  await client.submit(hold, id, { id });
  await until(() => runningOn.has(id));
  return cluster.nodes.find(({ name }) => name === runningOn.get(id))!;
}

const frozenOf = (infos: readonly NodeInfo[]): string[] =>
  infos.filter(({ frozen }) => frozen).map(({ name }) => name).sort();

test("frozen nodes go on with what they run, start nothing, and say so; unfrozen they do", async () => {
  const holder = await runningTask("held");
  const events = cluster.nodes.map((node) => nextEvent(node, "frozen"));
  for (const { name } of cluster.nodes) await client.commandNode(name, { type: "freeze" });
  await Promise.all(events);
  expect(cluster.nodes.map(({ frozen }) => frozen)).toEqual([true, true, true]);
  await until(async () => frozenOf(await client.nodes()).length === 3);

  await client.submit(hold, "", { id: "waiting" });
  await until(async () => ((await client.get("waiting"))?.why ?? "").includes("frozen"));
  expect((await client.get("waiting"))?.why).toBe(
    'all 3 nodes with a handler named "hold" are frozen: unfreeze one',
  );
  expect([runningOn.get("held"), runningOn.has("waiting")]).toEqual([holder.name, false]);

  const [first] = cluster.nodes;
  const unfrozen = nextEvent(first!, "unfrozen");
  // by its id this time
  await client.commandNode(first!.id, { type: "unfreeze" });
  await unfrozen;
  await until(() => runningOn.get("waiting") === first!.name);
  finish.get("waiting")?.();
  for (const node of cluster.nodes) node.unfreeze();
  await until(async () => frozenOf(await client.nodes()).length === 0);
  finish.get("held")?.();
});

test("a task that is stopped on its node, frozen or not, is released and runs elsewhere", async () => {
  const holder = await runningTask("moved");
  const released = nextEvent(holder, "task:released", ({ task }) => task === "moved");
  holder.freeze();
  await client.commandNode(holder.name, { type: "stopTask", id: "moved" });
  expect(await released).toMatchObject({ task: "moved", reason: "release", attempt: 1 });
  await until(() => runningOn.has("moved"));
  expect(runningOn.get("moved")).not.toBe(holder.name);
  await expect(client.commandNode(holder.name, { type: "stopTask", id: "moved" })).rejects.toThrow(
    `Cannot stop task "moved" on node "${holder.name}": the task does not run there`,
  );
  holder.unfreeze();
  finish.get("moved")?.();
});

test(
  "a node that is not there is not found; one that has gone without a word cannot be reached",
  async () => {
    const error = await client.commandNode("d", { type: "freeze" }).catch((each) => each);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.message).toBe('Cannot freeze node "d": no member has the name or id "d"');
    const [a, b, c] = cluster.nodes;
    await b!.stop({ now: true });
    await until(() => c!.nodes().some(({ name, state }) => name === "b" && state === "down"));
    const away = await c!.client.commandNode("b", { type: "freeze" }, { timeoutMs: 100 }).catch((each) =>
      each
    );
    expect(away).toBeInstanceOf(ConnectError);
    expect(away.message).toBe('Cannot freeze node "b": it could not be reached within 100 ms');
    await a!.client.commandNode("c", { type: "balance" });
  },
);

test("a node that drains by command gives back what it runs and takes nothing more", async () => {
  const ids = Array.from({ length: 8 }, (_, at) => `drained-${at}`);
  for (const id of ids) await client.submit(hold, id, { id });
  await until(() => ids.every((id) => runningOn.has(id)));
  const [a] = cluster.nodes;
  expect([...runningOn.values()]).toContain("a");
  const draining = nextEvent(a!, "draining");
  await client.commandNode("a", { type: "drain" });
  await draining;
  await until(() => ids.every((id) => runningOn.get(id) === "c"));
  await until(async () =>
    (await client.nodes()).some(({ name, state }) => name === "a" && state === "draining")
  );
});

test("a node of its own process obeys, too", async () => {
  await using node = await createNode({ coordinator: "embedded", name: "alone", partitions: 4 });
  await node.ready();
  await node.client.commandNode("alone", { type: "freeze" });
  expect([node.frozen, (await node.client.nodes())[0]?.frozen]).toEqual([true, true]);
  node.unfreeze();
  expect(node.frozen).toBe(false);
  await expect(node.client.commandNode("b", { type: "freeze" })).rejects.toThrow(NotFoundError);
});
