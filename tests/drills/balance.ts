/**
 * Show: peers that run all tasks, and a peer that joins. What does each run before and after, how many tasks
 * were moved, and does another balance move any? `fair` by count, `metered` by the load that the tasks tell.
 */
import { join } from "node:path";
import type { PeerEvent, Runtime } from "../../examples/demo/peer-process.ts";
import { connectClient } from "../../mod.ts";
import type { Client } from "../../mod.ts";
import { steady } from "../support/balance-handlers.ts";
import { Cluster } from "../support/cluster.ts";
import { delay, eventually, runShow } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

interface Case {
  readonly balancer: string;
  readonly runtimes: readonly Runtime[];
  readonly joins: Runtime;
  readonly loads: readonly number[];
  /** What shall be level, for each peer, the least first. */
  readonly level: "tasks" | "load";
  readonly expected: readonly number[];
}

const CASES: readonly Case[] = [
  {
    balancer: "fair",
    runtimes: ["node"],
    joins: "node",
    loads: [1, 1, 1, 1, 1, 1],
    level: "tasks",
    expected: [2, 4],
  },
  {
    balancer: "metered",
    runtimes: ["node"],
    joins: "bun",
    loads: [40, 20, 15, 10, 10, 5],
    level: "load",
    expected: [50, 50],
  },
  {
    balancer: "dumb",
    runtimes: ["node"],
    joins: "deno",
    loads: [1, 1, 1, 1],
    level: "tasks",
    expected: [0, 4],
  },
];
const SETTLED_MS = 12_000;

await runShow("a peer joins one that runs everything", async (report) => {
  const wanted = process.argv[2];
  for (const each of CASES) if (wanted === undefined || wanted === each.balancer) await show(report, each);
});

async function show(
  report: Report,
  { balancer, runtimes, joins, loads, level, expected }: Case,
): Promise<void> {
  report.say(`---- --balancer ${balancer}`);
  const released: PeerEvent[] = [];
  await using cluster = await Cluster.start({
    namespace: `show-balance-${balancer}-${process.pid}`,
    runtimes,
    args: ["--handlers", join(import.meta.dirname, "../support/balance-handlers.ts"), "--balancer", balancer],
    onEvent: (_peer, event) => void (event.event === "task:released" && released.push(event)),
  });
  await using client = await connectClient(await cluster.reach());
  const items = loads.map((load, at) => ({ id: `s${at}`, input: { load } }));
  await client.submitMany(steady, items);
  const run = await eventually(async () => (await sumOf(client, "tasks")) === loads.length, 10_000, 200);
  report.check("all tasks run on it", run);
  await delay(2000);
  await table(report, client, "before");
  await (await cluster.add(joins)).ready();
  const isLevel = async (): Promise<boolean> => {
    const seen = (await client.nodes()).map((info) => info[level]).sort((a, b) => a - b);
    return JSON.stringify(seen) === JSON.stringify(expected);
  };
  const startMs = performance.now();
  await eventually(isLevel, SETTLED_MS, 200);
  // and whatever else it might do by itself
  await delay(SETTLED_MS - (performance.now() - startMs));
  report.check(`${level} ${expected.join(" and ")} after the join`, await isLevel());
  await table(report, client, "after");
  report.say(`moved: ${released.map(({ task, reason }) => `${task} (${reason})`).join(", ") || "none"}`);
  const movedCount = released.length;
  for (const peer of cluster.peers) peer.signal("SIGUSR2");
  await delay(3000);
  report.check("another balance moves nothing", released.length === movedCount && await isLevel());
  const tasks = await Promise.all(items.map(({ id }) => client.get(id)));
  const restarts = tasks.reduce((sum, task) => sum + (task?.attempt ?? 0) - 1, 0);
  report.check("what was not moved was not started again", restarts === movedCount, `${restarts} restarts`);
}

async function table(report: Report, client: Client, when: string): Promise<void> {
  for (const { name, tasks, load } of await client.nodes()) {
    report.say(`${when.padEnd(6)}  ${name.padEnd(8)} ${String(tasks).padStart(3)} tasks  load ${load}`);
  }
}

async function sumOf(client: Client, key: "tasks" | "load"): Promise<number> {
  return (await client.nodes()).reduce((sum, info) => sum + info[key], 0);
}
