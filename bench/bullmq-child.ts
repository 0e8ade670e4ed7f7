/** One process of the BullMQ side: `worker` runs no-ops at concurrency 100, `producer` adds them in bulks. */
import { Queue, QueueEvents, Worker } from "bullmq";
import { Redis } from "ioredis";
import { ownCpuUs } from "./cpu.ts";
import { type Latency, latencyOf } from "./latency.ts";

interface Question {
  readonly type: "produce" | "single" | "cpu" | "stop";
  readonly count: number;
  readonly bulk: number;
}

const COUNT_EVERY_MS = 10;
const [role = "worker", portText = "0"] = process.argv.slice(2);
const connection = new Redis({ host: "127.0.0.1", port: Number(portText), maxRetriesPerRequest: null });
process.on("disconnect", () => process.exit(1));

function reply(message: Readonly<Record<string, unknown>>): void {
  // without a parent there is nothing to measure for
  process.send!(message, (error: Error | null) => error && process.exit(1));
}

/** Tells how many it has completed, and when the last one, at most every ten milliseconds. */
async function work(): Promise<void> {
  const worker = new Worker("bench", () => Promise.resolve(null), { connection, concurrency: 100 });
  let completedCount = 0;
  let lastMs = 0;
  let timer: NodeJS.Timeout | null = null;
  worker.on("completed", () => {
    completedCount++;
    lastMs = Date.now();
    timer ??= setTimeout(() => {
      timer = null;
      reply({ type: "completed", count: completedCount, lastMs });
    }, COUNT_EVERY_MS);
  });
  worker.on("error", (error) => console.error(error.message));
  await worker.waitUntilReady();
}

const queue = role === "producer" ? new Queue("bench", { connection }) : null;

async function produce({ count, bulk }: Question): Promise<number> {
  const payload = "x".repeat(100);
  const startedMs = Date.now();
  for (let left = count; left > 0; left -= bulk) {
    const opts = { removeOnComplete: true };
    await queue!.addBulk(
      Array.from({ length: Math.min(bulk, left) }, () => ({ name: "noop", data: payload, opts })),
    );
  }
  return startedMs;
}

async function single(count: number): Promise<{ readonly recorded: Latency; readonly done: Latency }> {
  const events = new QueueEvents("bench", { connection: connection.duplicate() });
  await events.waitUntilReady();
  const [recorded, done]: [number[], number[]] = [[], []];
  for (let at = 0; at < count; at++) {
    const startedMs = performance.now();
    // kept until it was seen to be finished
    const added = await queue!.add("noop", "x".repeat(100), { removeOnComplete: 1000 });
    recorded.push(performance.now() - startedMs);
    await added.waitUntilFinished(events);
    done.push(performance.now() - startedMs);
  }
  await events.close();
  return { recorded: latencyOf(recorded), done: latencyOf(done) };
}

process.on("message", async (question: Question) => {
  if (question.type === "cpu") reply({ type: "cpu", cpuUs: ownCpuUs() });
  else if (question.type === "single") reply({ type: "singled", ...await single(question.count) });
  else if (question.type === "produce") reply({ type: "produced", startedMs: await produce(question) });
  else process.exit(0);
});
if (queue) await queue.waitUntilReady();
else await work();
reply({ type: "ready" });
