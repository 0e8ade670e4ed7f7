/**
 * Three peers, and a network that loses all that two of them say to each other: a client of the one is
 * answered for every task, also for those whose steward is the other.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient, defineTask } from "../../mod.ts";
import { type Cut, CutCluster } from "../support/cut-cluster.ts";
import { eventually } from "../support/drill.ts";

const PAIR: readonly Cut[] = [[0, 1], [1, 0]];
/** So many ids lie in partitions of all stewards. */
const IDS = Array.from({ length: 60 }, (_, at) => `t${at}`);
const nobodys = defineTask<null>({ name: "nobody-has-a-handler-for-it" });

test("while one pair is cut, a client of one of the two is answered for all partitions", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stolos-pair-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = stack.use(
    await CutCluster.start(false, {
      namespace: `pair-${process.pid}`,
      runtimes: ["node", "bun", "deno"],
      args: ["--insecure"],
      directory,
    }),
  );
  const counts = (): Promise<string> => cluster.connectedCounts().then(String);
  expect(await eventually(async () => await counts() === "2,2,2")).toBe(true);
  cluster.cut(PAIR, true);
  expect(await eventually(async () => await counts() === "1,1,2")).toBe(true);
  for (const at of [0, 1]) {
    const { namespace, join: members, mdns } = cluster.reach;
    await using client = await connectClient({ namespace, join: [members[at]!], mdns, timeoutMs: 60_000 });
    const ids = IDS.map((id) => `${id}-of-${at}`);
    const handles = await client.submitMany(nobodys, ids.map((id) => ({ id, input: null })));
    expect(handles.map(({ created }) => created)).toEqual(ids.map(() => true));
    const states = await Promise.all(ids.map(async (id) => (await client.get(id))?.state));
    expect(new Set(states)).toEqual(new Set(["pending"]));
    const statuses = await Promise.all(ids.map((id) => client.command(id, { type: "kill" })));
    expect(new Set(statuses)).toEqual(new Set(["applied"]));
    const outcomes = await Promise.all(handles.map((handle) => handle.done()));
    expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(["killed"]));
    let count = 0;
    for await (const task of client.list()) if (ids.includes(task.id)) count++;
    expect(count).toBe(ids.length);
  }
  expect(await counts()).toBe("1,1,2");
});
