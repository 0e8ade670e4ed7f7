/**
 * Show: one durable node with 100,000 tasks. How long a start takes after kill -9, how large the directory is
 * when they wait, when they are finished, and when they are forgotten; and that the state is right each time.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { commandOn } from "../../examples/demo/peer-process.ts";
import { type Client, connectClient, TooOldError } from "../../mod.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { sized, type SizeInput } from "../support/size-node.ts";

const TASK_COUNT = Number(process.argv[2] ?? 100_000);
if (!Number.isSafeInteger(TASK_COUNT) || TASK_COUNT < 1) {
  throw new Error(`Cannot measure ${process.argv[2]} tasks: pass a whole number, 1 or more`);
}
const BULK = 5000;
const SAMPLE_COUNT = 200;
const HOUR_MS = 3_600_000;
const READY_WITHIN_MS = 20_000;
const PORT = 20_000 + process.pid % 10_000;
const ADDRESS = `/ip4/127.0.0.1/tcp/${PORT}`;
const TEXT = "x".repeat(100);

await runShow(`${TASK_COUNT} tasks in one durable node`, async (report, directory) => {
  const data = join(directory, "state");
  await live(report, data, { what: "empty", retentionMs: HOUR_MS, work: false }, async (client) => {
    const startMs = performance.now();
    for (let at = 0; at < TASK_COUNT; at += BULK) {
      await client.submitMany(sized, items(at, Math.min(at + BULK, TASK_COUNT)), { timeoutMs: 60_000 });
    }
    report.say(`submitted in ${seconds(performance.now() - startMs)}`);
    await count(report, client, { pending: TASK_COUNT });
  });
  await live(report, data, { what: "all waiting", retentionMs: HOUR_MS, work: false }, async (client) => {
    await count(report, client, { pending: TASK_COUNT });
    await known(report, client);
  });
  await live(report, data, { what: "all waiting", retentionMs: HOUR_MS, work: true }, async (client) => {
    const startMs = performance.now();
    await eventually(() => isSettled(client), 300_000, 2000);
    report.say(`all run, about ${seconds(performance.now() - startMs)}`);
    await count(report, client, { completed: TASK_COUNT });
  });
  await live(report, data, { what: "all finished", retentionMs: HOUR_MS, work: true }, async (client) => {
    await count(report, client, { completed: TASK_COUNT });
    await known(report, client);
    await results(report, client);
  });
  await live(report, data, { what: "all finished", retentionMs: 1000, work: true }, async (client) => {
    const startMs = performance.now();
    const isEmpty = async (): Promise<boolean> => Object.keys(await countStates(client)).length === 0;
    // one a partition and tick
    const isGone = await eventually(isEmpty, 240_000, 5000);
    report.check("all are forgotten", isGone, `after ${seconds(performance.now() - startMs)}`);
    report.say(`directory: ${sizeOf(data)}`);
    await delay(2000);
    report.say(`directory 2 s later: ${sizeOf(data)}`);
    // deleting rows rides on commits
    for (let at = 0; at < 40; at++) {
      await client.submitMany(sized, items(TASK_COUNT + 50 * at, TASK_COUNT + 50 * at + 50));
    }
    report.say(`directory 2000 tasks later: ${sizeOf(data)}`);
    await tooOld(report, client);
  });
  await live(report, data, { what: "all forgotten", retentionMs: 1000, work: true }, async (client) => {
    await tooOld(report, client);
  });
});

interface Life {
  readonly what: string;
  readonly retentionMs: number;
  readonly work: boolean;
}

/** A life that ends by kill -9. */
async function live(report: Report, data: string, life: Life, act: (client: Client) => Promise<void>) {
  const { what, retentionMs, work } = life;
  const args = [data, String(retentionMs), ADDRESS, work ? "work" : ""];
  const [command = "", ...rest] = commandOn("node", "tests/support/size-node.ts", args);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const times = await started(child);
    const { loaded = 0, listening = 0, ready = 0 } = times;
    report.check(
      `${what}: ready`,
      ready > 0 && ready - loaded < READY_WITHIN_MS,
      `${seconds(listening - loaded)} to read the store, ${seconds(ready - listening)} until ready`,
    );
    await using client = await connectClient({ namespace: `size-${PORT}`, join: [ADDRESS], mdns: false });
    await act(client);
    report.say(`directory: ${sizeOf(data)}; memory ${memoryOf(child)}`);
  } finally {
    child.kill("SIGKILL");
    await new Promise((resolve) => child.exitCode !== null ? resolve(0) : child.once("exit", resolve));
  }
}

/** When it said what, in ms since its start. */
async function started(child: ChildProcess): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  if (!child.stdout) return times;
  for await (const line of createInterface({ input: child.stdout })) {
    const [event = "", ms = ""] = line.split(" ");
    times[event] = Number(ms);
    if (event === "ready") break;
  }
  return times;
}

function items(from: number, to: number): { id: string; input: SizeInput }[] {
  return Array.from({ length: to - from }, (_, at) => {
    return { id: `task-${from + at}`, input: { number: from + at, text: TEXT } };
  });
}

function sample(): number[] {
  return Array.from({ length: SAMPLE_COUNT }, (_, at) => Math.floor(at * TASK_COUNT / SAMPLE_COUNT));
}

async function countStates(client: Client): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for await (const { state } of client.list()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

async function isSettled(client: Client): Promise<boolean> {
  for await (const _ of client.list({ states: ["pending", "leased"] })) return false;
  return true;
}

async function count(report: Report, client: Client, expected: Record<string, number>): Promise<void> {
  const startMs = performance.now();
  const counts = JSON.stringify(await countStates(client));
  const took = seconds(performance.now() - startMs);
  report.check(
    `the list has ${JSON.stringify(expected)}`,
    counts === JSON.stringify(expected),
    `${counts} ${took}`,
  );
}

async function known(report: Report, client: Client): Promise<void> {
  const again = sample().flatMap((at) => items(at, at + 1));
  const created = (await client.submitMany(sized, again)).filter((handle) => handle.created);
  report.check("what is submitted again is known", created.length === 0, `${created.length} created`);
}

async function results(report: Report, client: Client): Promise<void> {
  const wrong: string[] = [];
  for (const at of sample()) {
    const task = await client.get(`task-${at}`);
    if (task?.result !== at * 2 || task.attempt !== 1) {
      wrong.push(`task-${at}: ${JSON.stringify(task?.result)}`);
    }
  }
  report.check("results are right, attempts are 1", wrong.length === 0, wrong.slice(0, 5).join(", "));
}

async function tooOld(report: Report, client: Client): Promise<void> {
  const name = await client.submitMany(sized, items(0, 1)).then(() => "taken", (error: unknown) => {
    return error instanceof TooOldError ? "too old" : String(error);
  });
  // its first sending is now: nothing says that it is a repetition
  report.say(`a forgotten task that is submitted again is ${name}`);
}

function sizeOf(directory: string): string {
  const sizes = readdirSync(directory).map((file) => [file, statSync(join(directory, file)).size] as const);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  const parts = sizes.filter(([, size]) => size > 100_000).map(([file, size]) =>
    `${file} ${megabytes(size)}`
  );
  return `${megabytes(total)} (${parts.join(", ")})`;
}

function memoryOf(child: ChildProcess): string {
  const status = process.platform === "linux" ? readFileSync(`/proc/${child.pid}/status`, "utf8") : "";
  return `${Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)} MB`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
