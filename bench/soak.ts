/** Half of the highest load for a long time: what each minute's latency, memory and backlog are. */
import { sleep } from "./clock.ts";
import type { Load } from "./load.ts";
import { OursCluster, throughputOf } from "./ours.ts";
import type { PacedMinute } from "./ours-producer.ts";
import type { Plan } from "./plan.ts";
import { pair, type Report, round, table } from "./report.ts";

interface Minute extends PacedMinute {
  readonly mbPerNode: number;
}

export async function benchSoak(plan: Plan): Promise<Report> {
  const { taskCount, warmUpCount, minutes, runtime } = plan;
  const cluster = await OursCluster.start({ runtime });
  try {
    const load: Load = {
      count: taskCount,
      warmUpCount,
      bulk: 1000,
      inFlightMax: 4000,
      limitMs: 120_000,
    };
    const { tasksPerS } = await throughputOf(cluster, load);
    const ratePerS = Math.floor(tasksPerS / 2);
    console.error(`highest load ${tasksPerS.toFixed(0)} tasks/s: ${ratePerS} for ${minutes} min`);
    const seconds = minutes * 60;
    const pacing = cluster.ask({ type: "pace", ratePerS, seconds }, "paced", seconds * 1000 + 120_000);
    const memory = await memoryByMinute(cluster, minutes);
    const paced = (await pacing)["minutes"] as readonly PacedMinute[];
    const found = paced.map((minute, at): Minute => ({ ...minute, mbPerNode: memory[at] ?? 0 }));
    return { lines: linesOf(ratePerS, found), json: { ratePerS, minutes: found } };
  } finally {
    await cluster.stop();
  }
}

async function memoryByMinute(cluster: OursCluster, minutes: number): Promise<readonly number[]> {
  const found: number[] = [];
  const beginMs = performance.now();
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(beginMs + minute * 60_000 - performance.now());
    const { rssBytes, processCount } = await cluster.usage();
    found.push(round(rssBytes / processCount / 1e6, 0));
    console.error(`minute ${minute}: ${found.at(-1)} MB per node`);
  }
  return found;
}

function linesOf(ratePerS: number, minutes: readonly Minute[]): readonly string[] {
  const rows = minutes.map(({ endedCount, done, inFlightCount, mbPerNode }, at) => [
    String(at + 1),
    String(endedCount),
    pair(done),
    String(inFlightCount),
    String(mbPerNode),
  ]);
  return [
    `${ratePerS} tasks/s submitted, half of what a bulk reached just before; three nodes in memory.`,
    "",
    ...table(["minute", "ended", "submit → end seen, ms p50 / p99", "not ended yet", "MB per node"], rows),
  ];
}
