/**
 * `npm run bench [-- w1 | w2 | w3 | w4 | durable | soak] [--pairs N] [--tasks N] [--minutes N] [--json]
 * [--write] [--ours-only [--runtime bun | deno]] [--profile DIR]`: ours and the peer in turn in one run on
 * this machine; medians and ratios. Only loopback is used. --write puts the result into docs/benchmarks.md.
 * The exit code is 0 when measured, 2 without redis-server, 1 on any other failure.
 */
import { benchDurable } from "./durable.ts";
import { benchHeld } from "./held.ts";
import { benchIdleLatency } from "./idle-latency.ts";
import { type Plan, planOf, type Workload } from "./plan.ts";
import { redisVersion } from "./redis.ts";
import { type Report, writeSection } from "./report.ts";
import { benchSoak } from "./soak.ts";
import { benchTakeover } from "./takeover.ts";
import { benchThroughput } from "./throughput.ts";

const BENCHES: Readonly<Record<Workload, (plan: Plan) => Promise<Report>>> = {
  w1: benchThroughput,
  w2: benchIdleLatency,
  w3: benchTakeover,
  w4: benchHeld,
  durable: benchDurable,
  soak: benchSoak,
};

/** Ours alone, on whichever runtime, is not what is compared. */
function sectionOf({ workload, isOursOnly, runtime }: Plan): string {
  return isOursOnly && workload === "w1" ? `${workload}-${runtime}` : workload;
}

async function main(): Promise<number> {
  const plan = planOf(process.argv.slice(2));
  if (!plan.isOursOnly && plan.workload !== "soak" && redisVersion() === null) {
    console.error("Cannot measure BullMQ: redis-server is not there; apt-get install redis-server");
    return 2;
  }
  const { lines, json } = await BENCHES[plan.workload](plan);
  console.log(plan.asJson ? JSON.stringify({ workload: plan.workload, ...json }) : lines.join("\n"));
  if (plan.isWritten && plan.profileDir === null) writeSection(sectionOf(plan), lines);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
