/**
 * W1: tasks per second and CPU per task, no-op tasks of 100 bytes in bulks of 1000, first submit to last
 * completion seen. Ours: three nodes, memory, quorum of 3, the producer in one of them. BullMQ: Debian's
 * redis-server without persistence, three processes of concurrency 100, one producer.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { Child } from "./child.ts";

export interface Sample {
  readonly tasksPerS: number;
  readonly cpuUsPerTask: number;
}

const BULK = 1000;
const WINDOW_MAX = 4000;
const WARM_UP_COUNT = 4000;

export async function measureOurs(count: number, profileDir: string | null): Promise<Sample> {
  const execArgv = profileDir ? ["--cpu-prof", `--cpu-prof-dir=${profileDir}`] : [];
  const namespace = `bench-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  const children: Child[] = [];
  try {
    children.push(new Child("ours-node.ts", [namespace], execArgv));
    const address = String((await children[0]!.next("listening"))["address"]);
    for (let i = 0; i < 2; i++) children.push(new Child("ours-node.ts", [namespace, address], execArgv));
    for (const child of children) await child.next("ready");
    const produce = (count: number): Promise<Readonly<Record<string, unknown>>> =>
      children[0]!.ask({ type: "produce", count, bulk: BULK, windowMax: WINDOW_MAX }, "produced", 240_000);
    await produce(WARM_UP_COUNT);
    const before = await cpuOf(children);
    const tookMs = Number((await produce(count))["tookMs"]);
    const cpuUs = await cpuOf(children) - before;
    return { tasksPerS: count / tookMs * 1000, cpuUsPerTask: cpuUs / count };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

export async function measureBullmq(count: number): Promise<Sample> {
  const port = await freePort();
  const redis = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], {
    stdio: "ignore",
  });
  const children: Child[] = [];
  try {
    await started(redis);
    for (let i = 0; i < 3; i++) children.push(new Child("bullmq-node.ts", ["worker", String(port)]));
    const runners = children.slice();
    const producer = new Child("bullmq-node.ts", ["producer", String(port)]);
    children.push(producer);
    for (const child of children) await child.next("ready");
    const run = async (count: number): Promise<number> => {
      const goal = await finished(runners) + count;
      const startedMs = performance.now();
      const produced = producer.ask({ type: "produce", count, bulk: BULK }, "produced", 240_000);
      while (await finished(runners) < goal) await new Promise((resolve) => setTimeout(resolve, 20));
      const tookMs = performance.now() - startedMs;
      await produced;
      return tookMs;
    };
    await run(WARM_UP_COUNT);
    const before = await cpuOf(children) + cpuUsOf(redis.pid!);
    const tookMs = await run(count);
    const cpuUs = await cpuOf(children) + cpuUsOf(redis.pid!) - before;
    return { tasksPerS: count / tookMs * 1000, cpuUsPerTask: cpuUs / count };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    redis.kill("SIGKILL");
  }
}

async function cpuOf(children: readonly Child[]): Promise<number> {
  let sum = 0;
  for (const child of children) sum += await child.cpuUs();
  return sum;
}

async function finished(runners: readonly Child[]): Promise<number> {
  let sum = 0;
  for (const runner of runners) sum += Number((await runner.ask({ type: "count" }, "count"))["count"]);
  return sum;
}

/** User and system time of another process, from its kernel statistics (100 ticks a second). */
function cpuUsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** It is up when it has not ended after a moment; the clients retry until it answers. */
function started(redis: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    redis.on("error", () => reject(new Error("Cannot measure BullMQ: redis-server not found; apt-get install redis-server")));
    redis.on("exit", (code) => reject(new Error(`Cannot measure BullMQ: redis-server ended with ${code}`)));
    setTimeout(resolve, 300);
  });
}
