/**
 * `npm run bench [-- w1] [--pairs 5] [--tasks 20000] [--json] [--ours-only] [--profile DIR]`: ours and the peer
 * alternately in one run on this machine; medians and ratios. Only loopback is used.
 */
import { parseArgs } from "node:util";
import { measureBullmq, measureOurs, type Sample } from "./w1.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: "string", default: "5" },
    tasks: { type: "string", default: "20000" },
    json: { type: "boolean", default: false },
    "ours-only": { type: "boolean", default: false },
    profile: { type: "string" },
  },
});
const workload = positionals[0] ?? "w1";
if (workload !== "w1") {
  console.error(`Cannot run ${workload}: only w1 is there so far (w2 to w4 come with a later version)`);
  process.exit(1);
}

const pairs = Number(values.pairs);
const tasks = Number(values.tasks);
const ours: Sample[] = [];
const bullmq: Sample[] = [];
try {
  for (let pair = 1; pair <= pairs; pair++) {
    ours.push(await measureOurs(tasks, values.profile ?? null));
    if (!values["ours-only"]) bullmq.push(await measureBullmq(tasks));
    console.error(`pair ${pair}: ours ${text(ours.at(-1)!)}${bullmq.length > 0 ? `; BullMQ ${text(bullmq.at(-1)!)}` : ""}`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}

const result = { workload, ours: median(ours), ...(bullmq.length > 0 ? comparison() : {}) };
if (values.json) console.log(JSON.stringify(result));
else {
  console.log(`W1, ${tasks} tasks, medians of ${pairs} pairs      tasks/s   CPU µs/task`);
  console.log(`  ours (3 nodes, quorum of 3, memory)      ${cells(result.ours)}`);
  if (bullmq.length > 0) {
    console.log(`  BullMQ (1 redis-server, memory)          ${cells(median(bullmq))}`);
    const { ratio } = comparison();
    console.log(`  ours ÷ BullMQ                            ${ratio.tasksPerS.toFixed(2).padStart(7)}  ${ratio.cpuUsPerTask.toFixed(2).padStart(10)}`);
  }
}

function comparison(): { readonly bullmq: Sample; readonly ratio: Sample } {
  const [a, b] = [median(ours), median(bullmq)];
  const ratio = { tasksPerS: a.tasksPerS / b.tasksPerS, cpuUsPerTask: a.cpuUsPerTask / b.cpuUsPerTask };
  return { bullmq: b, ratio };
}

function median(samples: readonly Sample[]): Sample {
  const of = (pick: (sample: Sample) => number): number => {
    const sorted = samples.map(pick).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? NaN;
  };
  return { tasksPerS: Math.round(of((s) => s.tasksPerS)), cpuUsPerTask: Math.round(of((s) => s.cpuUsPerTask)) };
}

function cells(sample: Sample): string {
  return `${String(sample.tasksPerS).padStart(7)}  ${String(sample.cpuUsPerTask).padStart(10)}`;
}

function text(sample: Sample): string {
  return `${Math.round(sample.tasksPerS)} tasks/s, ${Math.round(sample.cpuUsPerTask)} µs/task`;
}
