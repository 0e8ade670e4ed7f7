/** One process of the BullMQ side: `worker` runs jobs, `producer` adds them; its options are JSON. */
import { type Job, Queue, QueueEvents, Worker } from "bullmq";
import { Redis } from "ioredis";
import { nowMs, sleep } from "./clock.ts";
import { ownCpuUs } from "./cpu.ts";
import { latencyOf } from "./latency.ts";
import { inParallel, PAYLOAD } from "./load.ts";
import type { Singles } from "./ours-producer.ts";

export interface BullmqOptions {
  readonly role: "worker" | "producer";
  readonly port: number;
  readonly concurrency: number;
  /** Lock and the interval of the look for stalled jobs; 0 = the defaults, 30 s each. */
  readonly lockMs: number;
}

interface Question {
  readonly type: "produce" | "single" | "hold" | "usage" | "stop";
  readonly count: number;
  readonly bulk: number;
  readonly inFlightMax: number;
}

const NEWS_EVERY_MS = 10;
const options: BullmqOptions = JSON.parse(process.argv[2] ?? "{}");
const connection = new Redis({ host: "127.0.0.1", port: options.port, maxRetriesPerRequest: null });
process.on("disconnect", () => process.exit(1));

function reply(message: Readonly<Record<string, unknown>>): void {
  // without a parent there is nothing to measure for
  process.send!(message, undefined, undefined, (error: Error | null) => error && process.exit(1));
}

let starts: (readonly [id: string, atMs: number])[] = [];

function noteStart(id: string): void {
  if (starts.length === 0) {
    setTimeout(() => {
      reply({ type: "starts", starts });
      starts = [];
    }, NEWS_EVERY_MS);
  }
  starts.push([id, nowMs()]);
}

function run({ name, id }: Job): Promise<number | null> {
  if (name === "stamp") return Promise.resolve(nowMs());
  if (name !== "hold") return Promise.resolve(null);
  noteStart(id!);
  return new Promise(() => {});
}

/** Reports how many it has completed, and when the last one, at most every ten milliseconds. */
async function work(): Promise<void> {
  const { concurrency, lockMs } = options;
  const tuned = lockMs === 0 ? {} : { lockDuration: lockMs, stalledInterval: lockMs };
  const worker = new Worker("bench", run, { connection, concurrency, maxStalledCount: 1000, ...tuned });
  let completedCount = 0;
  let lastMs = 0;
  let timer: NodeJS.Timeout | null = null;
  worker.on("completed", () => {
    completedCount++;
    lastMs = Date.now();
    timer ??= setTimeout(() => {
      timer = null;
      reply({ type: "completed", count: completedCount, lastMs });
    }, NEWS_EVERY_MS);
  });
  worker.on("error", (error) => console.error(error.message));
  await worker.waitUntilReady();
}

const queue = options.role === "producer" ? new Queue("bench", { connection }) : null;

async function produce({ count, bulk, inFlightMax }: Question): Promise<number> {
  const opts = { removeOnComplete: true };
  const startedMs = Date.now();
  if (bulk === 1) {
    await inParallel(count, inFlightMax, async () => void await queue!.add("noop", PAYLOAD, opts));
    return startedMs;
  }
  for (let left = count; left > 0; left -= bulk) {
    await queue!.addBulk(
      Array.from({ length: Math.min(bulk, left) }, () => ({ name: "noop", data: PAYLOAD, opts })),
    );
  }
  return startedMs;
}

async function single(count: number): Promise<Singles> {
  const events = new QueueEvents("bench", { connection: connection.duplicate() });
  await events.waitUntilReady();
  const [recorded, started, done]: [number[], number[], number[]] = [[], [], []];
  for (let at = 0; at < count; at++) {
    const beginMs = nowMs();
    // kept until it was seen to be finished
    const added = await queue!.add("stamp", PAYLOAD, { removeOnComplete: 1000 });
    recorded.push(nowMs() - beginMs);
    const ranMs: number = await added.waitUntilFinished(events);
    done.push(nowMs() - beginMs);
    started.push(ranMs - beginMs);
    await sleep(5);
  }
  await events.close();
  return { recorded: latencyOf(recorded), started: latencyOf(started), done: latencyOf(done) };
}

async function hold({ count, bulk }: Question): Promise<number> {
  const startedMs = performance.now();
  for (let left = count; left > 0; left -= bulk) {
    await queue!.addBulk(Array.from({ length: Math.min(bulk, left) }, () => ({ name: "hold", data: null })));
  }
  return performance.now() - startedMs;
}

async function answer(question: Question): Promise<void> {
  switch (question.type) {
    case "produce":
      return reply({ type: "produced", startedMs: await produce(question) });
    case "single":
      return reply({ type: "singled", ...await single(question.count) });
    case "hold":
      return reply({ type: "holding", tookMs: await hold(question) });
    case "usage":
      return reply({ type: "usage", cpuUs: ownCpuUs(), rssBytes: process.memoryUsage().rss });
    case "stop":
      process.exit(0);
  }
}

process.on("message", (question: Question) => {
  answer(question).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
if (queue) await queue.waitUntilReady();
else await work();
reply({ type: "ready" });
