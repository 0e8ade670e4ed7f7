/** W1: no-op tasks as fast as they go, in bulks and one by one; tasks per second and CPU per task. */
import { measureBullmq } from "./bullmq.ts";
import { medianSample, type Sample } from "./cpu.ts";
import type { Load } from "./load.ts";
import { measureOurs, profileFiles } from "./ours.ts";
import type { Plan } from "./plan.ts";
import { areas, hotspots } from "./profiler.ts";
import { redisVersion } from "./redis.ts";
import { type Report, round, table, versionOf, writeSection } from "./report.ts";

interface Sides {
  readonly ours: Sample;
  readonly bullmq: Sample | null;
}

function loadOf({ taskCount, warmUpCount }: Plan, way: "bulk" | "one by one"): Load {
  const bulk = way === "bulk" ? 1000 : 1;
  const inFlightMax = way === "bulk" ? 4000 : 1000;
  return {
    count: taskCount,
    warmUpCount,
    bulk,
    inFlightMax,
    limitMs: 60_000 + (warmUpCount + taskCount) * 5,
  };
}

export async function benchThroughput(plan: Plan): Promise<Report> {
  if (plan.profileDir !== null) {
    console.error("Profiles cost CPU time: do not compare these numbers with the peer's.");
  }
  const bulk = await measure(plan, loadOf(plan, "bulk"));
  // the JSON is read by others as the bulk's, and so is the section of the profile
  const isBulkOnly = plan.asJson || plan.profileDir !== null;
  const single = isBulkOnly ? null : await measure(plan, loadOf(plan, "one by one"));
  return { lines: linesOf(plan, bulk, single), json: jsonOf(bulk) };
}

async function measure(plan: Plan, load: Load): Promise<Sides> {
  const ours: Sample[] = [];
  const bullmq: Sample[] = [];
  for (let pair = 1; pair <= plan.pairs; pair++) {
    const profiles = plan.profileDir === null ? [] : profileFiles(plan.profileDir, pair);
    const sample = await measureOurs(load, { runtime: plan.runtime }, profiles);
    ours.push(sample);
    console.error(`${pair}: ours    ${shown(sample)}`);
    for (const file of profiles) console.error([file, ...hotspots(file, 25)].join("\n  "));
    if (profiles.length > 0) noteAreas(profiles, plan);
    if (plan.isOursOnly) continue;
    const peer = await measureBullmq(load);
    bullmq.push(peer);
    console.error(`${pair}: BullMQ  ${shown(peer)}`);
  }
  return { ours: medianSample(ours), bullmq: bullmq.length > 0 ? medianSample(bullmq) : null };
}

/** By node: the producing one, and another. */
function noteAreas([producer = "", other = ""]: readonly string[], { isWritten, taskCount }: Plan): void {
  const shares = [producer, other].map((file) => new Map(areas(file)));
  const names = [...new Set(shares.flatMap((each) => [...each.keys()]))];
  const rows = names.map((name) => [
    name,
    ...shares.map((each) => `${((each.get(name) ?? 0) * 100).toFixed(0)} %`),
  ]);
  const lines = [
    `Shares of the busy time, by what the functions belong to; ${taskCount} tasks in bulks.`,
    "",
    ...table(["", "producing node", "another node"], rows),
  ];
  console.error(lines.join("\n"));
  if (isWritten) writeSection("profile", lines);
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

function jsonOf({ ours, bullmq }: Sides): Report["json"] {
  const short = ({ tasksPerS, cpuUsPerTask }: Sample): Readonly<Record<string, number>> => {
    return { tasksPerS: round(tasksPerS, 1), cpuUsPerTask: round(cpuUsPerTask, 1) };
  };
  const peer = bullmq ? { bullmq: short(bullmq), ratio: ratioOf(ours, bullmq) } : {};
  return { ours: short(ours), ...peer };
}

function linesOf({ pairs, taskCount, runtime }: Plan, bulk: Sides, single: Sides | null): readonly string[] {
  const ways = [["bulks of 1000", bulk] as const, ...single ? [["one by one", single] as const] : []];
  const rows = ways.flatMap(([way, { ours, bullmq }]) => [
    [way, `stolos ${versionOf("..")} on ${runtime}`, ...cells(ours)],
    ...bullmq
      ? [[way, peerName(), ...cells(bullmq)], [way, "stolos ÷ BullMQ", ...ratioCells(ours, bullmq)]]
      : [],
  ]);
  return [
    `${taskCount} no-op tasks of 100 bytes; three nodes in memory, three keepers each; medians of ${pairs}.`,
    "",
    ...table(["submitted", "", "tasks/s", "CPU µs/task", "of that, by process"], rows),
  ];
}

function peerName(): string {
  return `BullMQ ${versionOf("../node_modules/bullmq")}, redis-server ${redisVersion()}, not replicated`;
}

function cells(sample: Sample): string[] {
  return [sample.tasksPerS.toFixed(0), sample.cpuUsPerTask.toFixed(0), partsOf(sample)];
}

function ratioCells(ours: Sample, bullmq: Sample): string[] {
  const { tasksPerS, cpuUsPerTask } = ratioOf(ours, bullmq);
  return [tasksPerS.toFixed(2), cpuUsPerTask.toFixed(2), ""];
}

function partsOf({ cpuParts }: Sample): string {
  return Object.entries(cpuParts).map(([kind, us]) => `${kind} ${us.toFixed(0)}`).join(", ");
}

function shown(sample: Sample): string {
  const { tasksPerS, cpuUsPerTask } = sample;
  return `${tasksPerS.toFixed(0).padStart(6)} tasks/s  ${cpuUsPerTask.toFixed(0).padStart(5)} µs/task (${
    partsOf(sample)
  })`;
}
