/** W2: one task at a time on an idle cluster: until it is recorded, until it runs, until its end is seen. */
import { BullmqQueue } from "./bullmq.ts";
import { type Latency, medianLatency } from "./latency.ts";
import { NatsQueue, natsVersion } from "./nats.ts";
import { latencyFrom, OursCluster } from "./ours.ts";
import type { Plan } from "./plan.ts";
import type { Reply } from "./child.ts";
import { pair, type Report, round, table } from "./report.ts";

const STAGES = ["recorded", "started", "done"] as const;
type Stage = (typeof STAGES)[number];
type Latencies = Readonly<Record<Stage, Latency>>;
/** Throws away: compiles what is measured. */
const WARM_UP_COUNT = 2000;

interface Side {
  readonly name: string;
  /** In the last line of `--json`. */
  readonly key: string;
  readonly measure: (plan: Plan) => Promise<Latencies>;
}

const OURS: Side = { name: "stolos", key: "ours", measure: measureOurs };
const BULLMQ: Side = { name: "BullMQ", key: "bullmq", measure: measureBullmq };

export async function benchIdleLatency(plan: Plan): Promise<Report> {
  const nats = natsVersion();
  const peers = nats === null ? [BULLMQ] : [BULLMQ, natsSide(nats)];
  const sides = (plan.isOursOnly ? [OURS] : [OURS, ...peers]).map((side) => ({ ...side, runs: noRuns() }));
  for (let run = 1; run <= plan.pairs; run++) {
    for (const { name, measure, runs } of sides) {
      runs.push(await measure(plan));
      console.error(`${run}: ${name}  ${shown(runs.at(-1)!)}`);
    }
  }
  const header = ["", "submit → recorded", "submit → handler starts", "submit → end seen"];
  const rows = sides.map(({ name, runs }) => [name, ...STAGES.map((stage) => pair(median(runs)[stage]))]);
  return {
    lines: [
      `ms, p50 / p99 of ${plan.taskCount} tasks, one at a time; medians of ${plan.pairs}.`,
      "",
      ...table(header, rows),
    ],
    json: Object.fromEntries(sides.map(({ key, runs }) => [key, median(runs)])),
  };
}

function noRuns(): Latencies[] {
  return [];
}

function natsSide(version: string): Side {
  const name = `NATS JetStream ${version}, a work queue in memory, not replicated`;
  return { name, key: "nats", measure: measureNats };
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

function measureBullmq(plan: Plan): Promise<Latencies> {
  return measurePeer(() => BullmqQueue.start(), plan);
}

function measureNats(plan: Plan): Promise<Latencies> {
  return measurePeer(() => NatsQueue.start(), plan);
}

/** What both peers have. */
interface Queue {
  readonly producer: { ask(question: Reply, replyType: string, limitMs: number): Promise<Reply> };
  stop(): Promise<void>;
}

async function measurePeer(start: () => Promise<Queue>, { taskCount }: Plan): Promise<Latencies> {
  const queue = await start();
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
