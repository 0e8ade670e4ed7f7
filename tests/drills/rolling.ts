/**
 * Show: five peers are restarted one after the other while 300 tasks run for as long as it takes, and short
 * ones come and go. For how long was a task without an owner? First with --data: each comes back as itself;
 * then in memory: each leaves and joins anew.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readAttempts } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { lasting } from "../support/beat-handlers.ts";
import { Cluster } from "../support/cluster.ts";
import { delay, eventually, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";
import { judgeGaps } from "../support/owner-gaps.ts";
import { reckon, some, SteadyLoad } from "../support/steady-load.ts";

const TASK_COUNT = 300;
const PER_SECOND = 20;
const PEER_COUNT = 5;
const GAP_MS_MAX = 6000;

await runShow(`five peers restarted in turn while ${TASK_COUNT} tasks run`, async (report, directory) => {
  const wanted = process.argv[2];
  for (const kind of ["durable", "memory"] as const) {
    if (wanted === undefined || wanted === kind) await roll(report, join(directory, kind), kind);
  }
});

async function roll(report: Report, directory: string, kind: "durable" | "memory"): Promise<void> {
  report.say(`---- ${kind === "durable" ? "with --data" : "in memory only"}`);
  mkdirSync(directory);
  await using cluster = await Cluster.start({
    namespace: `show-rolling-${kind}-${process.pid}`,
    runtimes: Array.from({ length: PEER_COUNT }, () => "node" as const),
    args: ["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts"), "--capacity", "400"],
    env: { STOLOS_BEATS: directory },
    ...(kind === "durable" ? { directory } : {}),
  });
  const ids = await submitLasting(cluster);
  const load = await SteadyLoad.start(cluster, { perSecond: PER_SECOND });
  const startedCount = (): number => new Set(readAttempts(directory).map(({ task }) => task)).size;
  report.check("all tasks run", await eventually(() => startedCount() >= ids.length, 20_000, 500));
  await delay(2000);
  for (let at = 0; at < PEER_COUNT; at++) await restart(report, cluster, at, load, kind === "durable");
  await delay(2000);
  writeFileSync(join(directory, "finish"), "");
  await load.stop();
  report.check("no submit failed", load.failed.length === 0, some(load.failed));
  report.say(`${load.acked.length} short tasks, submits repeated: ${JSON.stringify([...load.repeated])}`);
  await reckon(report, cluster, directory, [...ids, ...load.acked]);
  judgeGaps(report, ids, readAttempts(directory), GAP_MS_MAX);
}

async function submitLasting(cluster: Cluster): Promise<string[]> {
  await using client = await connectClient(await cluster.reach());
  const items = Array.from({ length: TASK_COUNT }, (_, index) => ({ id: `lasting-${index}`, input: {} }));
  return (await client.submitMany(lasting, items)).map((handle) => handle.id);
}

async function restart(
  report: Report,
  cluster: Cluster,
  at: number,
  load: SteadyLoad,
  isDurable: boolean,
): Promise<void> {
  load.takeAckMsMax();
  const peer = cluster.peers[at]!;
  const startMs = performance.now();
  const since = (): string => seconds(performance.now() - startMs);
  peer.signal("SIGTERM");
  await peer.exited;
  const goneText = since();
  const again = await cluster.add("node", { name: `node-${at}` });
  await again.addresses();
  const upText = since();
  const { epoch } = await again.ready(60_000);
  report.say(
    `node-${at}: gone after ${goneText}, process up after ${upText}, ready after ${since()} in epoch ` +
      `${epoch}; the slowest submit took ${seconds(load.takeAckMsMax())}`,
  );
  const isSame = again.events[0]?.node === peer.events[0]?.node;
  if (peer.child.exitCode !== 0) report.check("it exits with 0", false, String(peer.child.exitCode));
  if (isSame !== isDurable) report.check("it comes back as itself only with --data", false);
}
