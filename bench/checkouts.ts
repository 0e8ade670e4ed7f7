/**
 * `node bench/checkouts.ts BEFORE=DIR AFTER=DIR [--tasks N] [--rounds N] [--warm-up N] [--bulk N] [--counts]
 * [--profile DIR]`: checkouts of this library beside each other, one cluster of three nodes each, which take
 * turns with the same load. A busy machine bends tasks/s more than the CPU time of a task, and both more than
 * their ratios in pairs. --counts says what is sent for a task, and costs time of its own.
 */
import { parseArgs } from "node:util";
import { join, resolve } from "node:path";
import { loadavg } from "node:os";
import type { Child } from "./child.ts";
import { median } from "./cpu.ts";
import { OursCluster } from "./ours.ts";

interface Run {
  readonly cpuUs: number;
  readonly tasksPerS: number;
  readonly parts: readonly number[];
}

interface Side {
  readonly name: string;
  readonly cluster: OursCluster;
  readonly runs: Run[];
}

const LIMIT_MS = 600_000;
const LEASE_TTL_MS = 30_000;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tasks: { type: "string", default: "20000" },
    rounds: { type: "string", default: "7" },
    "warm-up": { type: "string", default: "40000" },
    bulk: { type: "string", default: "1000" },
    counts: { type: "boolean", default: false },
    profile: { type: "string" },
  },
});
const count = Number(values.tasks);
const bulk = Number(values.bulk);

async function start(argument: string): Promise<Side> {
  const [name = "", directory = "."] = argument.split("=");
  const checkout = resolve(directory);
  const cluster = await OursCluster.start({
    leaseTtlMs: LEASE_TTL_MS,
    child: { checkout, isCounted: values.counts },
  });
  return { name, cluster, runs: [] };
}

function cpuUsOf(nodes: readonly Child[]): Promise<number[]> {
  return Promise.all(nodes.map(async (node) => (await node.usage()).cpuUs));
}

async function countsOf(nodes: readonly Child[]): Promise<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const node of nodes) {
    const { counts } = await node.ask({ type: "counts" }, "counts");
    for (const [key, value] of Object.entries(counts as Record<string, number>)) {
      sum[key] = (sum[key] ?? 0) + value;
    }
  }
  return sum;
}

async function run({ cluster }: Side, tasks: number): Promise<Run> {
  const { nodes } = cluster;
  const before = await cpuUsOf(nodes);
  const inFlightMax = bulk === 1 ? 1000 : 4 * bulk;
  const question = { type: "produce", count: tasks, bulk, inFlightMax } as const;
  const tookMs = Number((await cluster.ask(question, "produced", LIMIT_MS))["tookMs"]);
  const parts = (await cpuUsOf(nodes)).map((us, at) => (us - before[at]!) / tasks);
  return { cpuUs: parts.reduce((a, b) => a + b), tasksPerS: tasks / tookMs * 1000, parts };
}

const sides: Side[] = [];
for (const argument of positionals) sides.push(await start(argument));
for (const side of sides) await run(side, Number(values["warm-up"]));
const countsBefore = values.counts
  ? await Promise.all(sides.map(({ cluster }) => countsOf(cluster.nodes)))
  : [];
if (values.profile !== undefined) {
  for (const { cluster } of sides) {
    await Promise.all(cluster.nodes.map((node) => node.ask({ type: "profile" }, "profiling", LIMIT_MS)));
  }
}
for (let round = 0; round < Number(values.rounds); round++) {
  for (let at = 0; at < sides.length; at++) {
    const side = sides[(at + round) % sides.length]!;
    const one = await run(side, count);
    side.runs.push(one);
    const parts = one.parts.map((us) => us.toFixed(0)).join(" + ");
    console.log(
      `${side.name.padEnd(10)} ${one.cpuUs.toFixed(1)} µs (${parts})  ${one.tasksPerS.toFixed(0)} tasks/s`,
    );
  }
}
console.log(`load ${loadavg().map((load) => load.toFixed(1)).join(" ")}`);
for (const [at, { name, runs, cluster }] of sides.entries()) {
  const of = (pick: (run: Run) => number): number => median(runs.map(pick));
  const ratio = median(runs.map(({ cpuUs }, round) => cpuUs / sides[0]!.runs[round]!.cpuUs));
  const speed = median(runs.map(({ tasksPerS }, round) => tasksPerS / sides[0]!.runs[round]!.tasksPerS));
  console.log(
    `${name.padEnd(10)} CPU ${of((one) => one.cpuUs).toFixed(1)} µs a task (least ${
      Math.min(...runs.map((one) => one.cpuUs)).toFixed(1)
    }), ${of((one) => one.tasksPerS).toFixed(0)} tasks/s; to ${sides[0]!.name}: CPU ${
      ratio.toFixed(3)
    }, tasks/s ${speed.toFixed(3)}, ${runs.length} pairs`,
  );
  if (!values.counts) continue;
  const after = await countsOf(cluster.nodes);
  const per = Object.entries(after).map(([key, value]) => {
    return [key, (value - (countsBefore[at]![key] ?? 0)) / (count * runs.length)] as const;
  });
  console.log(
    per.filter(([, value]) => value >= 0.0005).sort((a, b) => b[1] - a[1])
      .map(([key, value]) => `  ${value.toFixed(3).padStart(9)}  ${key}`).join("\n"),
  );
}
if (values.profile !== undefined) {
  for (const { name, cluster } of sides) {
    await Promise.all(cluster.nodes.map((node, at) => {
      const file = join(resolve(values.profile!), `${name}-${at}.cpuprofile`);
      return node.ask({ type: "profiled", file }, "written", LIMIT_MS);
    }));
  }
}
await Promise.all(sides.map(({ cluster }) => cluster.stop()));
process.exit(0);
