/** W4: what held tasks cost while nothing happens: CPU, memory and traffic, by tasks and by nodes. */
import { BullmqQueue } from "./bullmq.ts";
import { type Usage, usageOf } from "./child.ts";
import { sleep, until } from "./clock.ts";
import { loopbackBytes } from "./cpu.ts";
import { OursCluster } from "./ours.ts";
import type { Plan } from "./plan.ts";
import { type Report, round, table } from "./report.ts";
import type { Starts } from "./starts.ts";

const PEER_COUNT = 10_000;
/** What the starts left is collected by then, and what runs when idle mostly compiled: no cost of holding. */
const SETTLE_MS = 180_000;

interface Setup {
  readonly nodeCount: number;
  readonly taskCount: number;
}

interface Held extends Setup {
  readonly who: string;
  readonly startS: number;
  readonly cpuSPerMin: number;
  /** Of the server (peer only). */
  readonly serverCpuSPerMin: number;
  readonly mbPerProcess: number;
  readonly bytesPerS: number;
}

export async function benchHeld(plan: Plan): Promise<Report> {
  const few = Math.min(PEER_COUNT, plan.taskCount);
  const setups: readonly Setup[] = [
    { nodeCount: 3, taskCount: 0 },
    { nodeCount: 3, taskCount: few },
    { nodeCount: 3, taskCount: plan.taskCount },
    { nodeCount: 5, taskCount: 0 },
    { nodeCount: 5, taskCount: few },
  ];
  const found: Held[] = [];
  for (const setup of setups) found.push(note(await holdOurs(setup, plan)));
  if (!plan.isOursOnly) found.push(note(await holdPeer(few, plan)));
  const header = ["", "processes", "held tasks", "start all, s", "CPU s/min", "MB per process", "kB/s, all"];
  const rows = found.map((held) => [
    held.who,
    String(held.nodeCount),
    String(held.taskCount),
    held.startS.toFixed(1),
    held.serverCpuSPerMin > 0
      ? `${held.serverCpuSPerMin.toFixed(2)} + ${held.cpuSPerMin.toFixed(2)}`
      : held.cpuSPerMin.toFixed(2),
    held.mbPerProcess.toFixed(0),
    (held.bytesPerS / 1000).toFixed(1),
  ]);
  return {
    lines: [
      `Idle for ${plan.minutes} min, from ${
        SETTLE_MS / 1000
      } s after all have started; CPU of all processes (BullMQ: server + workers).`,
      "",
      ...table(header, rows),
    ],
    json: { held: found },
  };
}

function note(held: Held): Held {
  console.error(JSON.stringify(held));
  return held;
}

async function holdOurs({ nodeCount, taskCount }: Setup, plan: Plan): Promise<Held> {
  const cluster = await OursCluster.start({ nodeCount, capacity: Math.max(100, taskCount) });
  try {
    const startS = await startAll(cluster.starts, taskCount, async () => {
      if (taskCount > 0) await cluster.ask({ type: "hold", count: taskCount }, "holding", 300_000);
    });
    const idle = await idleCost(plan, () => cluster.usage());
    return { who: "stolos", nodeCount, taskCount, startS, ...idle, serverCpuSPerMin: 0 };
  } finally {
    await cluster.stop();
  }
}

async function holdPeer(taskCount: number, plan: Plan): Promise<Held> {
  const queue = await BullmqQueue.start({ concurrency: taskCount });
  try {
    const startS = await startAll(queue.starts, taskCount, async () => {
      await queue.producer.ask({ type: "hold", count: taskCount, bulk: 1000 }, "holding", 300_000);
    });
    const before = queue.server.cpuUs;
    const idle = await idleCost(plan, () => usageOf(queue.workers));
    const serverCpuSPerMin = (queue.server.cpuUs - before) / 1e6 / plan.minutes;
    return { who: "BullMQ", nodeCount: 3, taskCount, startS, ...idle, serverCpuSPerMin };
  } finally {
    await queue.stop();
  }
}

/** In s, from the first submit to the last start. */
async function startAll(starts: Starts, count: number, submit: () => Promise<void>): Promise<number> {
  const beginMs = performance.now();
  await submit();
  await until("all tasks run", 300_000, () => starts.taskCount >= count);
  const startS = (performance.now() - beginMs) / 1000;
  await sleep(SETTLE_MS);
  return startS;
}

async function idleCost(
  { minutes }: Plan,
  usage: () => Promise<Usage>,
): Promise<Pick<Held, "cpuSPerMin" | "mbPerProcess" | "bytesPerS">> {
  const [before, bytes, beginMs] = [await usage(), loopbackBytes(), performance.now()];
  await sleep(minutes * 60_000);
  const [after, tookS] = [await usage(), (performance.now() - beginMs) / 1000];
  return {
    cpuSPerMin: round((after.cpuUs - before.cpuUs) / 1e6 / tookS * 60, 3),
    mbPerProcess: round(after.rssBytes / after.processCount / 1e6, 0),
    bytesPerS: round((loopbackBytes() - bytes) / tookS, 0),
  };
}
