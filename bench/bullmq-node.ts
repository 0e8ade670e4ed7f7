/** One process of the BullMQ side: `worker` runs no-ops at concurrency 100, `producer` adds them in bulks. */
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

const [role = "worker", portText = "0"] = process.argv.slice(2);
const connection = new Redis({ host: "127.0.0.1", port: Number(portText), maxRetriesPerRequest: null });
connection.on("error", () => {}); // the server goes first at the end
let finishedCount = 0;

if (role === "worker") {
  const worker = new Worker("bench", () => Promise.resolve(null), { connection, concurrency: 100 });
  worker.on("completed", () => finishedCount++);
  worker.on("error", () => {});
  await worker.waitUntilReady();
  process.send!({ type: "ready" });
  process.on("message", async (message: { type: string }) => {
    if (message.type === "cpu") answerCpu();
    else if (message.type === "count") process.send!({ type: "count", count: finishedCount });
    else if (message.type === "stop") {
      await worker.close(true);
      process.exit(0);
    }
  });
} else {
  const queue = new Queue("bench", { connection });
  await queue.waitUntilReady();
  process.send!({ type: "ready" });
  const payload = "x".repeat(100);
  process.on("message", async (message: { type: string; count: number; bulk: number }) => {
    if (message.type === "cpu") answerCpu();
    else if (message.type === "produce") {
      for (let left = message.count; left > 0; left -= message.bulk) {
        const size = Math.min(message.bulk, left);
        await queue.addBulk(
          Array.from({ length: size }, () => ({ name: "noop", data: payload, opts: { removeOnComplete: true } })),
        );
      }
      process.send!({ type: "produced" });
    } else if (message.type === "stop") {
      await queue.close();
      process.exit(0);
    }
  });
}

function answerCpu(): void {
  const { user, system } = process.cpuUsage();
  process.send!({ type: "cpu", cpuUs: user + system });
}
