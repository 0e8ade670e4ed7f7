/**
 * The peer's side: BullMQ on one redis-server (in memory by default), three worker processes and one that
 * adds. Uses the machine's redis-server, on a free port of the loopback.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Child, ended, endWithParent, type Reply, type Usage, usageOf } from "./child.ts";
import type { BullmqOptions } from "./bullmq-child.ts";
import { cpuUsOfPid, rssBytesOfPid, type Sample, sampleOf, spent } from "./cpu.ts";
import type { Load } from "./load.ts";
import { serverArguments } from "./redis.ts";
import { freePort } from "../tests/support/free-port.ts";
import { started } from "./server.ts";
import { Starts } from "./starts.ts";

export interface QueueOptions {
  /** @default 100 */
  readonly concurrency?: number;
  /** @default 30_000, BullMQ's */
  readonly lockMs?: number;
  /**
   * There redis syncs its log before each answer.
   * @default in memory
   */
  readonly directory?: string;
}

/** Completions of all workers together. */
class Tally {
  readonly #countByWorker = new Map<number, number>();
  #lastMs = 0;
  #goal = Infinity;
  #reached: (lastMs: number) => void = () => {};

  add(worker: number, reply: Reply): void {
    this.#countByWorker.set(worker, Number(reply["count"]));
    this.#lastMs = Math.max(this.#lastMs, Number(reply["lastMs"]));
    if (this.#total() >= this.#goal) this.#reached(this.#lastMs);
  }

  /** Resolves with the time of the last completion when there are so many more than now. */
  more(count: number, limitMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#goal = this.#total() + count;
      const timer = setTimeout(
        () => reject(new Error(`Cannot measure BullMQ: not done within ${limitMs} ms`)),
        limitMs,
      );
      this.#reached = (lastMs) => {
        this.#goal = Infinity;
        clearTimeout(timer);
        resolve(lastMs);
      };
    });
  }

  #total(): number {
    return [...this.#countByWorker.values()].reduce((sum, count) => sum + count, 0);
  }
}

export class BullmqQueue {
  readonly workers: Child[] = [];
  readonly starts: Starts = new Starts();
  readonly tally: Tally = new Tally();
  readonly redis: ChildProcess;
  #producer: Child | null = null;

  /** Use `start`. */
  constructor(redis: ChildProcess) {
    this.redis = redis;
  }

  /** @throws Error when one ends, or is not ready in time; then every process is ended */
  static async start(options: QueueOptions = {}): Promise<BullmqQueue> {
    const port = await freePort();
    const args = serverArguments(port, options.directory ?? null);
    const queue = new BullmqQueue(spawn("redis-server", args, { stdio: "ignore" }));
    endWithParent(queue.redis);
    try {
      await started(queue.redis, "redis-server", port);
      await queue.#begin(port, options);
      return queue;
    } catch (error) {
      await queue.stop();
      throw error;
    }
  }

  async #begin(port: number, { concurrency = 100, lockMs = 0 }: QueueOptions): Promise<void> {
    const own: BullmqOptions = { role: "worker", port, concurrency, lockMs };
    for (let at = 0; at < 3; at++) {
      const onNews = (reply: Reply): void => {
        if (reply.type === "completed") this.tally.add(at, reply);
        else this.starts.add(at, reply);
      };
      this.workers.push(new Child("bullmq-child.ts", own, { onNews }));
    }
    await Promise.all(this.workers.map((worker) => worker.next("ready")));
    this.#producer = new Child("bullmq-child.ts", { ...own, role: "producer" });
    await this.#producer.next("ready");
  }

  get producer(): Child {
    return this.#producer!;
  }

  /** Of the server alone. */
  get server(): Usage {
    const pid = this.redis.pid!;
    return { cpuUs: cpuUsOfPid(pid), rssBytes: rssBytesOfPid(pid), processCount: 1 };
  }

  async stop(): Promise<void> {
    const children = this.#producer ? [...this.workers, this.#producer] : this.workers;
    await Promise.all(children.map((child) => child.stop()));
    await ended(this.redis, () => this.redis.kill("SIGKILL"));
  }
}

/** Throughput of one run. @throws Error when a process ends */
export async function measureBullmq(load: Load): Promise<Sample> {
  const queue = await BullmqQueue.start();
  try {
    return await queueThroughputOf(queue, load);
  } finally {
    await queue.stop();
  }
}

export async function queueThroughputOf(queue: BullmqQueue, load: Load): Promise<Sample> {
  const { bulk, inFlightMax, limitMs } = load;
  const run = async (count: number): Promise<number> => {
    const question = { type: "produce", count, bulk, inFlightMax };
    const [lastMs, produced] = await Promise.all([
      queue.tally.more(count, limitMs),
      queue.producer.ask(question, "produced", limitMs),
    ]);
    return lastMs - Number(produced["startedMs"]);
  };
  const read = async (): Promise<Readonly<Record<string, number>>> => ({
    "redis-server": queue.server.cpuUs,
    workers: (await usageOf(queue.workers)).cpuUs,
    producer: (await queue.producer.usage()).cpuUs,
  });
  await run(load.warmUpCount);
  const before = await read();
  const tookMs = await run(load.count);
  return sampleOf(load.count, tookMs, spent(before, await read()));
}
