/** W2: one task at a time on an idle cluster: until it is recorded, until it runs, until its end is seen. */
import { BullmqQueue } from "./bullmq.ts";
import { type Latency, medianLatency } from "./latency.ts";
import { latencyFrom, OursCluster } from "./ours.ts";
import type { Plan } from "./plan.ts";
import type { Reply } from "./child.ts";
import { pair, type Report, round, table } from "./report.ts";

const STAGES = ["recorded", "started", "done"] as const;
type Stage = (typeof STAGES)[number];
type Latencies = Readonly<Record<Stage, Latency>>;
/** Throws away: compiles what is measured. */
const WARM_UP_COUNT = 2000;

export async function benchIdleLatency(plan: Plan): Promise<Report> {
  const ours: Latencies[] = [];
  const bullmq: Latencies[] = [];
  for (let run = 1; run <= plan.pairs; run++) {
    ours.push(await measureOurs(plan));
    console.error(`${run}: ours    ${shown(ours.at(-1)!)}`);
    if (plan.isOursOnly) continue;
    bullmq.push(await measurePeer(plan));
    console.error(`${run}: BullMQ  ${shown(bullmq.at(-1)!)}`);
  }
  const sides: [string, Latencies][] = [["stolos", median(ours)]];
  if (bullmq.length > 0) sides.push(["BullMQ", median(bullmq)]);
  const header = ["", "submit → recorded", "submit → handler starts", "submit → end seen"];
  const rows = sides.map(([name, latencies]) => [name, ...STAGES.map((stage) => pair(latencies[stage]))]);
  return {
    lines: [
      `ms, p50 / p99 of ${plan.taskCount} tasks, one at a time; medians of ${plan.pairs}.`,
      "",
      ...table(header, rows),
    ],
    json: Object.fromEntries(
      sides.map(([name, latencies]) => [name === "stolos" ? "ours" : "bullmq", latencies]),
    ),
  };
}

async function measureOurs({ taskCount, runtime }: Plan): Promise<Latencies> {
  const cluster = await OursCluster.start({ runtime });
  try {
    await cluster.ask({ type: "single", count: WARM_UP_COUNT }, "singled");
    return latenciesOf(
      await cluster.ask({ type: "single", count: taskCount }, "singled", limitMs(taskCount)),
    );
  } finally {
    await cluster.stop();
  }
}

async function measurePeer({ taskCount }: Plan): Promise<Latencies> {
  const queue = await BullmqQueue.start();
  const ask = (count: number): Promise<Reply> =>
    queue.producer.ask({ type: "single", count }, "singled", limitMs(count));
  try {
    await ask(WARM_UP_COUNT);
    return latenciesOf(await ask(taskCount));
  } finally {
    await queue.stop();
  }
}

function limitMs(taskCount: number): number {
  return 60_000 + taskCount * 100;
}

function latenciesOf(reply: Reply): Latencies {
  return {
    recorded: latencyFrom(reply, "recorded"),
    started: latencyFrom(reply, "started"),
    done: latencyFrom(reply, "done"),
  };
}

function median(runs: readonly Latencies[]): Latencies {
  const of = (stage: Stage): Latency => {
    const { p50, p99 } = medianLatency(runs.map((run) => run[stage]));
    return { p50: round(p50, 2), p99: round(p99, 2) };
  };
  return { recorded: of("recorded"), started: of("started"), done: of("done") };
}

function shown(latencies: Latencies): string {
  return STAGES.map((stage) => `${stage} ${pair(latencies[stage])}`).join("  ") + " ms";
}
