/**
 * W1 with everything on disk: ours in memory, ours on SQLite, BullMQ on a redis-server that syncs before each
 * answer, in turn. Bulk throughput, and latencies one at a time.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BullmqQueue, queueThroughputOf } from "./bullmq.ts";
import { medianSample, type Sample } from "./cpu.ts";
import { type Latency, medianLatency } from "./latency.ts";
import type { Load } from "./load.ts";
import { latencyFrom, OursCluster, throughputOf } from "./ours.ts";
import type { Plan } from "./plan.ts";
import { pair, type Report, table } from "./report.ts";

const SINGLE_COUNT = 300;

type Side = "memory" | "durable" | "bullmq";
const SIDES: readonly Side[] = ["memory", "durable", "bullmq"];

interface Measured {
  readonly sample: Sample;
  readonly recorded: Latency;
  readonly done: Latency;
}

export async function benchDurable({ taskCount, pairs, isOursOnly }: Plan): Promise<Report> {
  const load: Load = { count: taskCount, warmUpCount: 2000, bulk: 1000, inFlightMax: 4000, limitMs: 120_000 };
  const runs: Record<Side, Measured[]> = { memory: [], durable: [], bullmq: [] };
  const commits: number[] = [];
  const root = mkdtempSync(join(tmpdir(), "stolos-durable-"));
  try {
    for (let run = 1; run <= pairs; run++) {
      for (const side of SIDES.filter((each) => !isOursOnly || each !== "bullmq")) {
        const directory = join(root, `${side}-${run}`);
        mkdirSync(directory);
        const measured = await measure(side, load, directory);
        runs[side].push(measured);
        console.error(`${run}: ${cellsOf(side, measured).join("  ")}`);
        if (side === "durable") commits.push(commitsIn(directory) / taskCountOf(load));
        rmSync(directory, { recursive: true });
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  const sides = SIDES.filter((side) => runs[side].length > 0);
  const medians = sides.map((side) => [side, median(runs[side])] as const);
  const commitsPerTask = medianLatency(commits.map((each) => ({ p50: each, p99: each }))).p50;
  return { lines: linesOf(medians, commitsPerTask), json: jsonOf(medians, commitsPerTask) };
}

async function measure(side: Side, load: Load, directory: string): Promise<Measured> {
  if (side === "bullmq") {
    const queue = await BullmqQueue.start({ directory });
    try {
      const sample = await queueThroughputOf(queue, load);
      const singles = await queue.producer.ask({ type: "single", count: SINGLE_COUNT }, "singled");
      return { sample, recorded: latencyFrom(singles, "recorded"), done: latencyFrom(singles, "done") };
    } finally {
      await queue.stop();
    }
  }
  const cluster = await OursCluster.start(side === "memory" ? {} : { directory });
  try {
    const sample = await throughputOf(cluster, load);
    const singles = await cluster.ask({ type: "single", count: SINGLE_COUNT }, "singled");
    return { sample, recorded: latencyFrom(singles, "recorded"), done: latencyFrom(singles, "done") };
  } finally {
    await cluster.stop();
  }
}

function taskCountOf({ count, warmUpCount }: Load): number {
  return count + warmUpCount + SINGLE_COUNT;
}

/** Of all nodes; each is one sync, beside those of SQLite's checkpoints. */
function commitsIn(directory: string): number {
  return readdirSync(directory).reduce((sum, node) => {
    const mark = readFileSync(join(directory, node, "stolos.mark"), "utf8");
    return sum + Number(/\d+/.exec(mark)?.[0] ?? 0);
  }, 0);
}

function median(runs: readonly Measured[]): Measured {
  return {
    sample: medianSample(runs.map(({ sample }) => sample)),
    recorded: medianLatency(runs.map(({ recorded }) => recorded)),
    done: medianLatency(runs.map(({ done }) => done)),
  };
}

function cellsOf(side: Side, { sample, recorded, done }: Measured): string[] {
  const name = { memory: "stolos, memory", durable: "stolos, durable", bullmq: "BullMQ, fsync always" }[side];
  const { tasksPerS, cpuUsPerTask } = sample;
  return [name, tasksPerS.toFixed(0), cpuUsPerTask.toFixed(0), pair(recorded), pair(done)];
}

function jsonOf(medians: readonly (readonly [Side, Measured])[], commitsPerTask: number): Report["json"] {
  const sides = medians.map(([side, { sample, recorded, done }]) => {
    return [side, { tasksPerS: sample.tasksPerS, cpuUsPerTask: sample.cpuUsPerTask, recorded, done }];
  });
  return { ...Object.fromEntries(sides), commitsPerTask };
}

function linesOf(medians: readonly (readonly [Side, Measured])[], commitsPerTask: number): readonly string[] {
  const bySide = new Map(medians);
  const rate = (side: Side): number => bySide.get(side)?.sample.tasksPerS ?? NaN;
  const header = ["", "tasks/s", "CPU µs/task", "recorded, ms p50 / p99", "end seen, ms p50 / p99"];
  return [
    ...table(header, medians.map(([side, measured]) => cellsOf(side, measured))),
    "",
    `durable ÷ memory ${(rate("durable") / rate("memory")).toFixed(2)}, durable ÷ BullMQ ${
      (rate("durable") / rate("bullmq")).toFixed(2)
    }; commits of the three nodes together per task: ${commitsPerTask.toFixed(3)}.`,
  ];
}
