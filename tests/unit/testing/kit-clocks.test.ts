/** What wrong wall clocks do to a cluster, and what not. */
import { expect, test } from "bun:test";
import { defineTask, type TaskDefinition } from "../../../mod.ts";
import { simulate, type SimulatedCluster } from "../../../src/testing/kit.ts";

const job: TaskDefinition = defineTask({ name: "job" });
const START_MS = Date.parse("2030-01-01T00:00:00Z");
const DAY_MS = 86_400_000;

async function clusterWith(
  errorMs: number,
  { wrong = 1, nodes = 3 }: { readonly wrong?: number; readonly nodes?: number } = {},
): Promise<SimulatedCluster> {
  const options = { partitions: 8 };
  const cluster = simulate({ nodes, seed: 3, startAt: new Date(START_MS), options });
  cluster.setClock(wrong, errorMs);
  cluster.handle(job, () => "ok");
  await cluster.ready();
  return cluster;
}

/** Virtual ms from now to the start of the task. */
async function startsAfter(cluster: SimulatedCluster, id: string): Promise<number> {
  const beginMs = cluster.now();
  await cluster.until(() => cluster.runs(id).length > 0, { timeoutMs: 120_000 });
  return cluster.runs(id)[0]!.startMs - beginMs;
}

for (const errorMs of [DAY_MS, -DAY_MS, 5000, -5000]) {
  const name = `of three nodes one whose clock is wrong by ${errorMs} ms`;

  test(`${name} makes no delay longer or shorter, not even of its own submits`, async () => {
    await using cluster = await clusterWith(errorMs);
    for (const [no, id] of [[0, "a"], [1, "b"], [2, "c"]] as const) {
      await cluster.until(cluster.node(no).client.submit(job, null, { id, delayMs: 10_000 }));
      const afterMs = await startsAfter(cluster, id);
      expect(afterMs).toBeGreaterThan(9500);
      expect(afterMs).toBeLessThan(11_000);
    }
  });

  test(`${name} makes no time of day early or late`, async () => {
    await using cluster = await clusterWith(errorMs);
    for (const id of ["a", "b", "c"]) {
      const runAt = new Date(START_MS + cluster.now() + 10_000);
      await cluster.submit(job, null, { id, runAt });
      const afterMs = await startsAfter(cluster, id);
      expect(afterMs).toBeGreaterThan(9500);
      expect(afterMs).toBeLessThan(11_000);
    }
  });
}

test("a sleep of 10 s that is asked for at a node whose clock is a day ahead takes 10 s", async () => {
  await using cluster = await clusterWith(DAY_MS);
  await cluster.submit(job, null, { id: "s", delayMs: 3_600_000 });
  const { client } = cluster.node(1);
  await cluster.until(client.command("s", { type: "sleep", forMs: 10_000 }));
  const afterMs = await startsAfter(cluster, "s");
  expect(afterMs).toBeGreaterThan(9500);
  expect(afterMs).toBeLessThan(11_000);
});

test("what a client with a wrong clock submits makes nobody's submits too old", async () => {
  for (const errorMs of [DAY_MS, -DAY_MS]) {
    const options = { partitions: 1, finishedPerPartitionMax: 1 };
    await using cluster = simulate({ nodes: 3, seed: 3, options });
    cluster.setClock(1, errorMs);
    cluster.handle(job, () => "ok");
    await cluster.ready();
    const states: string[] = [];
    for (const [at, no] of [1, 0, 2, 1, 0].entries()) {
      const handle = await cluster.until(cluster.node(no).client.submit(job, null, { id: `t${at}` }));
      states.push((await cluster.until(handle.done())).state);
      await cluster.advance(1500);
    }
    expect(states).toEqual(Array.from({ length: 5 }, () => "completed"));
  }
});

test("a clock that is behind is reported, one that is right is not", async () => {
  await using cluster = simulate({ nodes: 3, seed: 3, options: { partitions: 8 } });
  cluster.setClock(1, -60_000);
  const reported: [string, number][] = [];
  for (const no of [0, 1, 2]) {
    cluster.node(no).addEventListener("clock:behind", ({ detail }) => {
      reported.push([detail.node, detail.behindMs]);
    });
  }
  await cluster.ready();
  await cluster.advance(5000);
  expect(new Set(reported.map(([node]) => node))).toEqual(new Set([cluster.node(1).id]));
  for (const [, behindMs] of reported) expect(Math.abs(behindMs - 60_000)).toBeLessThan(200);
});

test("while another keeper is down, why says that a clock behind may delay a time of day", async () => {
  await using cluster = await clusterWith(-60_000);
  await cluster.submit(job, null, { id: "later", runAt: new Date(START_MS + 3_600_000) });
  const why = async (): Promise<string> => (await cluster.until(cluster.client.get("later")))!.why ?? "";
  expect(await why()).not.toContain("clock");
  cluster.crash(2);
  await cluster.advance(10_000);
  expect(await why()).toContain('the clock of node "node-1" is 60 s behind and node "node-2" is silent');
});
