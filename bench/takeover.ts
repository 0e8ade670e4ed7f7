/**
 * W3: SIGKILL for one of three processes that hold 300 tasks: until the last of its tasks runs again. And the
 * price of short leases: takeovers of tasks whose process is healthy, while two other processes keep both
 * cores busy.
 */
import { fork } from "node:child_process";
import { join } from "node:path";
import { BullmqQueue } from "./bullmq.ts";
import { type Child, ended, endWithParent } from "./child.ts";
import { nowMs, sleep, until } from "./clock.ts";
import { median } from "./cpu.ts";
import { OursCluster } from "./ours.ts";
import type { Plan } from "./plan.ts";
import { type Report, round, table } from "./report.ts";
import type { Starts } from "./starts.ts";

/** Runs of the peer with its defaults, which take most of a minute each. */
const DEFAULT_PEER_RUNS = 2;
const BURNER_COUNT = 2;
/** After the last start: everything is at rest. */
/** Younger tasks would be suspected of the kill. */
const SETTLE_MS = 6000;

/** One side with one setting. */
interface Side {
  readonly name: string;
  readonly key: string;
  readonly runs: number;
  start(): Promise<Holders>;
}

/** Processes that hold tasks. The first one produces, or only holds: it stays. */
interface Holders {
  readonly starts: Starts;
  readonly victims: readonly Child[];
  hold(count: number): Promise<unknown>;
  stop(): Promise<void>;
}

function oursSide(name: string, key: string, leaseTtlMs: number, runs: number): Side {
  return {
    name,
    key,
    runs,
    async start() {
      const cluster = await OursCluster.start({ capacity: 1000, leaseTtlMs });
      return {
        starts: cluster.starts,
        victims: cluster.nodes,
        hold: (count) => cluster.ask({ type: "hold", count }, "holding"),
        stop: () => cluster.stop(),
      };
    },
  };
}

function peerSide(name: string, key: string, lockMs: number, runs: number): Side {
  return {
    name,
    key,
    runs,
    async start() {
      const queue = await BullmqQueue.start({ concurrency: 1000, lockMs });
      return {
        starts: queue.starts,
        victims: queue.workers,
        hold: (count) => queue.producer.ask({ type: "hold", count, bulk: 1 }, "holding"),
        stop: () => queue.stop(),
      };
    },
  };
}

export async function benchTakeover(plan: Plan): Promise<Report> {
  const ours = [
    oursSide("stolos, default lease (4 s)", "default", 4000, plan.pairs),
    oursSide("stolos, 1 s lease", "tuned", 1000, plan.pairs),
  ];
  const peers = plan.isOursOnly ? [] : [
    peerSide("BullMQ, 1 s lock", "bullmqTuned", 1000, plan.pairs),
    peerSide("BullMQ, default lock (30 s)", "bullmqDefault", 0, Math.min(plan.pairs, DEFAULT_PEER_RUNS)),
  ];
  const rows: string[][] = [];
  const json: Record<string, unknown> = {};
  for (const side of [...ours, ...peers]) {
    const tookS: number[] = [];
    for (let run = 1; run <= side.runs; run++) {
      tookS.push(await takeoverS(side, plan.taskCount, run));
      console.error(`${side.name} ${run}: ${tookS.at(-1)!.toFixed(2)} s`);
    }
    const [minS, medianS, maxS] = [Math.min(...tookS), median(tookS), Math.max(...tookS)];
    // what a short lock costs the peer is in its documentation
    const falseCount = side.key.startsWith("bullmq") ? null : await falseTakeovers(side, plan);
    if (falseCount !== null) console.error(`${side.name}: ${falseCount} false takeovers`);
    json[side.key] = { minS: round(minS, 2), medianS: round(medianS, 2), maxS: round(maxS, 2), falseCount };
    const times = [minS, medianS, maxS].map((seconds) => seconds.toFixed(2)).join(" / ");
    rows.push([
      side.name,
      times,
      String(side.runs),
      falseCount === null ? "not looked for" : String(falseCount),
    ]);
  }
  const header = ["", "last orphan runs again, s: min / median / max", "runs", "false takeovers"];
  return {
    lines: [
      `${plan.taskCount} held tasks, three processes, SIGKILL for one. False takeovers: tasks started again`,
      `although their process lives, within ${plan.minutes} minutes with ${BURNER_COUNT} other processes`,
      "that keep both cores busy.",
      "",
      ...table(header, rows),
    ],
    json,
  };
}

async function started(side: Side, count: number): Promise<Holders> {
  const holders = await side.start();
  try {
    await holders.hold(count);
    await until("all tasks run", 60_000, () => holders.starts.taskCount >= count);
    await sleep(SETTLE_MS);
    return holders;
  } catch (error) {
    await holders.stop();
    throw error;
  }
}

/** Another process each time, as far as there are such that do not produce. */
async function takeoverS(side: Side, count: number, run: number): Promise<number> {
  const holders = await started(side, count);
  try {
    const { starts, victims } = holders;
    const at = 1 + run % (victims.length - 1);
    const orphans = starts.of(at);
    const killedMs = nowMs();
    await victims[at]!.kill();
    await until("every orphan runs again", 180_000, () => starts.lastAgainMs(orphans, killedMs) !== null);
    return (starts.lastAgainMs(orphans, killedMs)! - killedMs) / 1000;
  } finally {
    await holders.stop();
  }
}

async function falseTakeovers(side: Side, { taskCount, minutes }: Plan): Promise<number> {
  const holders = await started(side, taskCount);
  const burners = Array.from({ length: BURNER_COUNT }, () => {
    const burner = fork(join(import.meta.dirname, "burner.ts"), { stdio: "ignore" });
    endWithParent(burner);
    return burner;
  });
  try {
    await sleep(minutes * 60_000);
    return holders.starts.count - taskCount;
  } finally {
    await Promise.all(burners.map((burner) => ended(burner, () => void burner.kill("SIGKILL"))));
    await holders.stop();
  }
}
