/**
 * The peer's side of W1: BullMQ on one redis-server that writes nothing to disk, three processes of
 * concurrency 100, one producer. Uses the machine's redis-server, on a free port of the loopback.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { connect, createServer } from "node:net";
import { Child, cpuUsOf, ended, endWithParent, type Reply } from "./child.ts";
import { cpuUsOfPid, type Sample, sampleOf, spent } from "./cpu.ts";
import { type Extras, latencyFrom, type Load, type Measured } from "./ours.ts";

const START_LIMIT_MS = 5000;

/** The version of the redis-server on the PATH, or null when there is none. */
export function redisVersion(): string | null {
  const { stdout, status } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return status === 0 ? /v=(\S+)/.exec(stdout)?.[1] ?? "unknown" : null;
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

/** @throws Error when a process ends or does not answer in time; every process is ended in any case */
export async function measureBullmq(load: Load): Promise<Sample> {
  return (await measureBullmqWith(load, { singleCount: 0, directory: null })).sample;
}

/** In a directory, redis syncs its log before each answer; `singleCount`: so many one at a time, after. */
export async function measureBullmqWith(load: Load, { singleCount, directory }: Extras): Promise<Measured> {
  const port = await freePort();
  const redis = spawn("redis-server", serverArguments(port, directory), { stdio: "ignore" });
  endWithParent(redis);
  const children: Child[] = [];
  try {
    await started(redis, port);
    const tally = new Tally();
    for (let i = 0; i < 3; i++) {
      children.push(
        new Child("bullmq-child.ts", ["worker", String(port)], (reply) => {
          if (reply.type === "completed") tally.add(i, reply);
        }),
      );
    }
    await Promise.all(children.map((child) => child.next("ready")));
    const workers = [...children];
    const producer = new Child("bullmq-child.ts", ["producer", String(port)]);
    children.push(producer);
    await producer.next("ready");
    const run = async (count: number): Promise<number> => {
      const question = { type: "produce", count, bulk: load.bulk };
      const [lastMs, produced] = await Promise.all([
        tally.more(count, load.limitMs),
        producer.ask(question, "produced", load.limitMs),
      ]);
      return lastMs - Number(produced["startedMs"]);
    };
    const read = async (): Promise<Readonly<Record<string, number>>> => ({
      "redis-server": cpuUsOfPid(redis.pid!),
      workers: await cpuUsOf(workers),
      producer: await producer.cpuUs(),
    });
    await run(load.warmUpCount);
    const before = await read();
    const tookMs = await run(load.count);
    const sample = sampleOf(load.count, tookMs, spent(before, await read()));
    const singles = singleCount === 0 ? null : await producer.ask(
      { type: "single", count: singleCount },
      "singled",
      load.limitMs,
    );
    return { sample, recorded: latencyFrom(singles, "recorded"), done: latencyFrom(singles, "done") };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await ended(redis, () => redis.kill("SIGKILL"));
  }
}

function serverArguments(port: number, directory: string | null): readonly string[] {
  const net = ["--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  if (directory === null) return [...net, "--appendonly", "no"];
  return [...net, "--dir", directory, "--appendonly", "yes", "--appendfsync", "always"];
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Resolves as soon as it takes connections. */
async function started(redis: ChildProcess, port: number): Promise<void> {
  let why: string | null = null;
  redis.once("error", (error) => why = error.message);
  redis.once("exit", (code, signal) => why = `it ended with ${signal ?? code}`);
  const untilMs = performance.now() + START_LIMIT_MS;
  while (!await takesConnections(port)) {
    if (why !== null) throw new Error(`Cannot start redis-server: ${why}`);
    if (performance.now() > untilMs) {
      throw new Error(`Cannot start redis-server: not up in ${START_LIMIT_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (is: boolean) => (): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", answer(true)).once("error", answer(false));
  });
}
