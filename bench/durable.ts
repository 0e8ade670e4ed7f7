/**
 * W1 with everything on disk: ours in memory, ours on SQLite, BullMQ on a redis-server that syncs before each
 * answer, in turn. Bulk throughput, and latencies one at a time.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureBullmqWith } from "./bullmq.ts";
import { medianSample } from "./cpu.ts";
import { medianLatency } from "./latency.ts";
import { type Load, type Measured, measureOursWith } from "./ours.ts";

const SINGLE_COUNT = 300;

type Side = "memory" | "durable" | "bullmq";
const SIDES: readonly Side[] = ["memory", "durable", "bullmq"];

export interface DurablePlan {
  readonly load: Load;
  readonly pairs: number;
  readonly asJson: boolean;
  readonly isOursOnly: boolean;
}

/** Returns the text to print. */
export async function benchDurable({ load, pairs, asJson, isOursOnly }: DurablePlan): Promise<string> {
  const runs: Record<Side, Measured[]> = { memory: [], durable: [], bullmq: [] };
  const commits: number[] = [];
  const root = mkdtempSync(join(tmpdir(), "stolos-durable-"));
  try {
    for (let pair = 1; pair <= pairs; pair++) {
      for (const side of SIDES.filter((each) => !isOursOnly || each !== "bullmq")) {
        const directory = join(root, `${side}-${pair}`);
        mkdirSync(directory);
        const measured = await measure(side, load, directory);
        runs[side].push(measured);
        console.error(`${pair}: ${line(side, measured)}`);
        if (side === "durable") commits.push(commitsIn(directory) / taskCountOf(load));
        rmSync(directory, { recursive: true });
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  const medians = SIDES.filter((side) => runs[side].length > 0).map((side) =>
    [side, median(runs[side])] as const
  );
  const perTask = medianLatency(commits.map((each) => ({ p50: each, p99: each }))).p50;
  return asJson ? jsonOf(medians, perTask) : tableOf(medians, perTask);
}

function measure(side: Side, load: Load, directory: string): Promise<Measured> {
  const extras = { singleCount: SINGLE_COUNT, directory: side === "memory" ? null : directory };
  return side === "bullmq" ? measureBullmqWith(load, extras) : measureOursWith(load, extras);
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

function line(side: Side, { sample, recorded, done }: Measured): string {
  const ms = ({ p50, p99 }: Measured["done"]): string => `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`;
  const name = { memory: "stolos, memory", durable: "stolos, durable", bullmq: "BullMQ, fsync always" }[side];
  return `${name.padEnd(22)}${sample.tasksPerS.toFixed(0).padStart(7)} tasks/s ${
    sample.cpuUsPerTask.toFixed(0).padStart(5)
  } µs/task  recorded p50/p99 ${ms(recorded)}  done ${ms(done)}`;
}

function jsonOf(medians: readonly (readonly [Side, Measured])[], commitsPerTask: number): string {
  const sides = medians.map(([side, { sample, recorded, done }]) => {
    return [side, { tasksPerS: sample.tasksPerS, cpuUsPerTask: sample.cpuUsPerTask, recorded, done }];
  });
  return JSON.stringify({ workload: "durable", ...Object.fromEntries(sides), commitsPerTask });
}

function tableOf(medians: readonly (readonly [Side, Measured])[], commitsPerTask: number): string {
  const bySide = new Map(medians);
  const rate = (side: Side): number => bySide.get(side)?.sample.tasksPerS ?? NaN;
  return [
    ...medians.map(([side, measured]) => line(side, measured)),
    `durable ÷ memory ${(rate("durable") / rate("memory")).toFixed(2)}, durable ÷ BullMQ ${
      (rate("durable") / rate("bullmq")).toFixed(2)
    }; commits of the three nodes together per task: ${commitsPerTask.toFixed(3)}`,
  ].join("\n");
}
