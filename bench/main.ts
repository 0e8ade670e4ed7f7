/**
 * `npm run bench [-- w1 | durable] [--pairs 5] [--tasks 20000] [--json] [--ours-only] [--profile DIR]`:
 * ours and the peer alternately in one run on this machine; medians and ratios. Only loopback is used. The
 * exit code is 0 when measured, 2 without redis-server, 1 on any other failure.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureBullmq, redisVersion } from "./bullmq.ts";
import { medianSample, type Sample } from "./cpu.ts";
import { benchDurable } from "./durable.ts";
import { type Load, measureOurs, profileFiles } from "./ours.ts";
import { hotspots } from "./profiler.ts";

interface Plan {
  readonly workload: string;
  readonly load: Load;
  readonly pairs: number;
  readonly asJson: boolean;
  readonly isOursOnly: boolean;
  readonly profileDir: string | null;
}

function planOf(args: readonly string[]): Plan {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      pairs: { type: "string", default: "5" },
      tasks: { type: "string", default: "20000" },
      json: { type: "boolean", default: false },
      "ours-only": { type: "boolean", default: false },
      profile: { type: "string" },
    },
  });
  const [workload = "w1", ...more] = positionals;
  if (/^w[2-4]$/.test(workload)) {
    throw new Error(`Cannot run ${workload}: it comes with a later version; w1 is there`);
  }
  if ((workload !== "w1" && workload !== "durable") || more.length > 0) {
    throw new Error(`Cannot run a workload: it must be w1 or durable, got ${positionals.join(" ")}`);
  }
  const count = countOf("tasks", values.tasks, 10_000_000);
  return {
    workload,
    load: { count, warmUpCount: 2000, bulk: 1000, inFlightMax: 4000, limitMs: 60_000 + count * 5 },
    pairs: countOf("pairs", values.pairs, 1000),
    asJson: values.json,
    isOursOnly: values["ours-only"],
    profileDir: values.profile ?? null,
  };
}

function countOf(name: string, text: string, max: number): number {
  const count = Number(text);
  if (/^[0-9]+$/.test(text) && count >= 1 && count <= max) return count;
  throw new Error(`Cannot run a workload: --${name} must be a whole number from 1 to ${max}, got ${text}`);
}

async function measure(plan: Plan): Promise<{ readonly ours: Sample; readonly bullmq: Sample | null }> {
  const ours: Sample[] = [];
  const bullmq: Sample[] = [];
  for (let pair = 1; pair <= plan.pairs; pair++) {
    const profiles = plan.profileDir === null ? [] : profileFiles(plan.profileDir, pair);
    const sample = await measureOurs(plan.load, profiles);
    ours.push(sample);
    console.error(`${pair}: ours    ${line(sample)}`);
    for (const file of profiles) console.error([file, ...hotspots(file, 25)].join("\n  "));
    if (plan.isOursOnly) continue;
    const peer = await measureBullmq(plan.load);
    bullmq.push(peer);
    console.error(`${pair}: BullMQ  ${line(peer)}`);
  }
  return { ours: medianSample(ours), bullmq: bullmq.length > 0 ? medianSample(bullmq) : null };
}

function ratioOf(
  ours: Sample,
  bullmq: Sample,
): { readonly tasksPerS: number; readonly cpuUsPerTask: number } {
  return {
    tasksPerS: round(ours.tasksPerS / bullmq.tasksPerS, 3),
    cpuUsPerTask: round(ours.cpuUsPerTask / bullmq.cpuUsPerTask, 3),
  };
}

function jsonOf(ours: Sample, bullmq: Sample | null): string {
  const short = ({ tasksPerS, cpuUsPerTask }: Sample): Readonly<Record<string, number>> => {
    return { tasksPerS: round(tasksPerS, 1), cpuUsPerTask: round(cpuUsPerTask, 1) };
  };
  const peer = bullmq ? { bullmq: short(bullmq), ratio: ratioOf(ours, bullmq) } : {};
  return JSON.stringify({ workload: "w1", ours: short(ours), ...peer });
}

function tableOf({ load, pairs }: Plan, ours: Sample, bullmq: Sample | null, redis: string | null): string {
  const rows = [
    `W1: ${load.count} no-op tasks of 100 bytes, bulks of ${load.bulk}; medians of ${pairs}, in turn`,
    row("", "tasks/s", "CPU µs/task"),
    row(`stolos ${versionOf("..")} (3 nodes, memory, quorum of 3)`, ...cells(ours)),
  ];
  if (bullmq) {
    const { tasksPerS, cpuUsPerTask } = ratioOf(ours, bullmq);
    const peer = `BullMQ ${versionOf("../node_modules/bullmq")} (redis-server ${redis}, memory)`;
    rows.push(row(peer, ...cells(bullmq)));
    rows.push(row("stolos ÷ BullMQ", tasksPerS.toFixed(2), cpuUsPerTask.toFixed(2)));
  }
  return [...rows, `Node ${process.version}, ${process.platform} ${process.arch}`].join("\n");
}

function row(what: string, first: string, second: string): string {
  return `  ${what.padEnd(48)}${first.padStart(9)}${second.padStart(13)}`;
}

function cells({ tasksPerS, cpuUsPerTask }: Sample): [string, string] {
  return [tasksPerS.toFixed(0), cpuUsPerTask.toFixed(0)];
}

function line(sample: Sample): string {
  const parts = Object.entries(sample.cpuParts).map(([kind, us]) => `${kind} ${us.toFixed(0)}`).join(", ");
  const [first, second] = cells(sample);
  return `${first.padStart(6)} tasks/s  ${second.padStart(5)} µs/task (${parts})`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function versionOf(folder: string): string {
  return JSON.parse(readFileSync(new URL(`${folder}/package.json`, import.meta.url), "utf8")).version;
}

async function main(): Promise<number> {
  const plan = planOf(process.argv.slice(2));
  const redis = plan.isOursOnly ? null : redisVersion();
  if (!plan.isOursOnly && redis === null) {
    console.error("Cannot measure BullMQ: redis-server is not there; apt-get install redis-server");
    return 2;
  }
  if (plan.workload === "durable") {
    console.log(await benchDurable(plan));
    return 0;
  }
  if (plan.profileDir !== null) {
    console.error("Profiles cost CPU time: do not compare these numbers with the peer's.");
  }
  const { ours, bullmq } = await measure(plan);
  console.log(plan.asJson ? jsonOf(ours, bullmq) : tableOf(plan, ours, bullmq, redis));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
