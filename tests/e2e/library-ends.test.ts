/**
 * Tasks that have ended, and lists of many large ones, with the library: real nodes of one process on
 * loopback, and two clients that are no members.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, connectClient, defineTask, FatalError, type Node, StateError } from "../../mod.ts";
import { LibraryCluster } from "../support/library-cluster.ts";

const flaky = defineTask<{ readonly fails: boolean }, string>({ name: "flaky" });
const large = defineTask<number, string>({ name: "large" });
const wrong = defineTask<number, string>({ name: "wrong" });

/** On a busy machine nobody shall lose 1,100 leases at once: that is not what this is about. */
const LEASE_TTL_MS = 15_000;

let cluster: LibraryCluster;
let clients: readonly (Client & AsyncDisposable)[] = [];
/** Whether `flaky` fails whatever its input says. */
let isDown = false;
/** How many of `large` have begun. */
let largeCount = 0;

function prepare(node: Node): void {
  node.handle(flaky, ({ input }) => {
    if (isDown || input.fails) throw new FatalError("down");
    return "done";
  });
  node.handle(large, (_, ctx) => {
    ctx.progress("p".repeat(4000));
    largeCount++;
    return new Promise((_, reject) =>
      ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true })
    );
  });
  node.handle(wrong, () => {
    throw new Error("x".repeat(1000));
  });
}

beforeAll(async () => {
  cluster = await LibraryCluster.start(prepare, { capacity: 1000, leaseTtlMs: LEASE_TTL_MS });
  const { namespace } = cluster;
  clients = await Promise.all(
    [0, 1].map((at) =>
      connectClient({ namespace, join: [...cluster.nodes[at]!.addresses], mdns: false, timeoutMs: 60_000 })
    ),
  );
});

afterAll(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function failed(id: string): Promise<string> {
  isDown = true;
  const handle = await clients[0]!.submit(flaky, { fails: false }, { id });
  expect(await handle.done()).toMatchObject({ state: "failed", error: "down" });
  isDown = false;
  return (await clients[0]!.get(id))!.fence;
}

test("two clients retry one end at once: one of them does, the other is told, and it runs once", async () => {
  const fence = await failed("pressed");
  const answers = await Promise.allSettled(clients.map((client) => client.retry("pressed", { fence })));
  expect(answers.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const refusal = answers.find((answer) => answer.status === "rejected");
  expect(refusal?.reason).toBeInstanceOf(StateError);
  const task = await until(clients[1]!, "pressed", "completed");
  expect(task).toMatchObject({ attempt: 1, errors: [], result: "done", input: { fails: false } });
  expect(Number(task.fence)).toBeGreaterThan(Number(fence));
});

async function until(client: Client, id: string, state: string) {
  for (;;) {
    const task = await client.get(id);
    if (task?.state === state) return task;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("a retry that is repeated with its id counts once", async () => {
  const fence = await failed("repeated");
  isDown = true;
  for (let count = 0; count < 3; count++) await clients[0]!.retry("repeated", { fence, commandId: "mine" });
  const task = await until(clients[0]!, "repeated", "failed");
  expect(task.errors.length).toBe(1);
  isDown = false;
});

test("two clients retry all that failed at once: each end is retried once", async () => {
  const ids = Array.from({ length: 60 }, (_, at) => ({ id: `all-${at}`, input: { fails: false } }));
  isDown = true;
  const handles = await clients[0]!.submitMany(flaky, ids, { tags: ["all"] });
  for (const handle of handles) await handle.done();
  isDown = false;
  const counts = await Promise.all(clients.map((client) => client.retryAll({ tag: "all" })));
  expect(counts[0]!.done + counts[1]!.done).toBe(60);
  for (const { id } of ids) expect((await until(clients[0]!, id, "completed")).attempt).toBe(1);
});

test("a purged task is gone, its id is free, and a clone is the same task once more", async () => {
  const fence = await failed("old");
  await expect(clients[0]!.purge("old", { fence: BigInt(fence) - 1n })).rejects.toThrow(StateError);
  const clone = await clients[1]!.clone("old", { id: "again" });
  expect(await clone.done()).toEqual({ state: "completed", result: "done" });
  await clients[0]!.purge("old");
  await clients[1]!.purge("old", { fence });
  expect(await clients[1]!.get("old")).toBeUndefined();
  const anew = await clients[1]!.submit(flaky, { fails: false }, { id: "old" });
  expect([anew.created, await anew.done()]).toEqual([true, { state: "completed", result: "done" }]);
  expect(await clients[0]!.purge({ idPrefix: "old" })).toEqual({ done: 1, skipped: 0 });
});

test(
  "1,100 tasks with 4,000 characters of progress are listed, each once, by nodes and clients",
  async () => {
    // more than one frame could carry
    const count = 1100;
    await clients[0]!.submitMany(
      large,
      Array.from({ length: count }, (_, at) => ({ id: `l${at}`, input: at })),
    );
    const listed = async (client: Client): Promise<readonly string[]> =>
      (await Array.fromAsync(client.list({ name: "large", states: ["leased"] })))
        .filter(({ progress }) => (progress as string | null)?.length === 4000).map(({ id }) => id);
    while (largeCount < count || (await listed(clients[1]!)).length < count) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    for (const client of [...clients, ...cluster.nodes.map((node) => node.client)]) {
      const ids = await listed(client);
      expect([ids.length, new Set(ids).size]).toEqual([count, count]);
    }
  },
);

test("tasks with eight errors of 1,000 characters each are listed", async () => {
  const retry = { backoffMs: 0, maxMs: 0, jitter: 0 };
  const inputs = Array.from({ length: 140 }, (_, at) => ({ id: `w${at}`, input: at }));
  const handles = await clients[0]!.submitMany(wrong, inputs, { attempts: 8, retry });
  for (const handle of handles) await handle.done();
  const tasks = await Array.fromAsync(clients[1]!.list({ name: "wrong" }));
  expect([tasks.length, Math.min(...tasks.map(({ errors }) => errors.length))]).toEqual([140, 8]);
});

test("the retention is the cluster's: told to one node, it holds at all", async () => {
  const before = await clients[0]!.retention();
  expect(before).toEqual({ completedMs: 3_600_000, failedMs: 604_800_000 });
  const fence = await failed("kept");
  const done = await clients[0]!.submit(flaky, { fails: false }, { id: "short" });
  await done.done();
  await clients[0]!.setRetention({ completedMs: 1000 });
  for (const node of cluster.nodes) expect((await node.client.retention()).completedMs).toBe(1000);
  while (await clients[1]!.get("short")) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await clients[1]!.get("kept")).toMatchObject({ state: "failed", fence });
  const own = { retention: { completedMs: 600_000 } };
  await (await clients[0]!.submit(flaky, { fails: false }, { id: "own", ...own })).done();
  await (await clients[0]!.submit(flaky, { fails: false }, { id: "brief" })).done();
  while (await clients[1]!.get("brief")) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await clients[1]!.get("own")).toMatchObject({ state: "completed" });
  await clients[0]!.setRetention(before);
});
