/** One node of the measured cluster, driven over IPC; its options are JSON. Nothing here but the library. */
import { type Context, createNode, type Node, sqliteStore } from "../mod.ts";
import { nowMs } from "./clock.ts";
import { ownCpuUs } from "./cpu.ts";
import { hold, pace, produce, single } from "./ours-producer.ts";
import { startProfile } from "./profiler.ts";
import { held, noop, stamp } from "./tasks.ts";

export interface OursOptions {
  readonly namespace: string;
  /** "" = nobody to join. */
  readonly join: string;
  /** Directory; "" = in memory. */
  readonly data: string;
  readonly expect: number;
  readonly capacity: number;
  /** 0 = the default. */
  readonly leaseTtlMs: number;
}

export interface Question {
  readonly type: "produce" | "single" | "pace" | "hold" | "usage" | "profile" | "profiled" | "stop";
  readonly count: number;
  readonly bulk: number;
  readonly inFlightMax: number;
  readonly ratePerS: number;
  readonly seconds: number;
  readonly file: string;
}

const PROFILE_SETTLE_MS = 2000;
const STARTS_EVERY_MS = 5;
const options: OursOptions = JSON.parse(process.argv[2] ?? "{}");
process.on("disconnect", () => process.exit(1));
const node: Node = await createNode({
  namespace: options.namespace,
  listen: ["/ip4/127.0.0.1/tcp/0"],
  join: options.join === "" ? [] : [options.join],
  mdns: false,
  expect: options.expect,
  capacity: options.capacity,
  ...(options.leaseTtlMs > 0 ? { leaseTtlMs: options.leaseTtlMs } : {}),
  ...(options.data === "" ? {} : { store: sqliteStore(options.data) }),
});
node.handle(noop, () => null);
node.handle(stamp, () => nowMs());
node.handle(held, ({ id }, ctx) => {
  noteStart(id);
  return untilAborted(ctx);
});

function untilAborted({ signal }: Context): Promise<null> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

let starts: (readonly [id: string, atMs: number])[] = [];

/** Sent in lots: a message for each start would be a load of its own. */
function noteStart(id: string): void {
  if (starts.length === 0) {
    setTimeout(() => {
      reply({ type: "starts", starts });
      starts = [];
    }, STARTS_EVERY_MS);
  }
  starts.push([id, nowMs()]);
}

let endProfile: ((file: string) => Promise<void>) | null = null;

async function answer(question: Question): Promise<void> {
  const { client } = node;
  switch (question.type) {
    case "produce":
      return reply({ type: "produced", tookMs: await produce(client, question) });
    case "single":
      return reply({ type: "singled", ...await single(client, question.count) });
    case "pace":
      return reply({ type: "paced", minutes: await pace(client, question) });
    case "hold":
      return reply({ type: "holding", tookMs: await hold(client, question) });
    case "usage":
      return reply({ type: "usage", cpuUs: ownCpuUs(), rssBytes: process.memoryUsage().rss });
    case "profile":
      endProfile = await startProfile();
      // it holds up the loop when it starts, for up to a second
      await new Promise((resolve) => setTimeout(resolve, PROFILE_SETTLE_MS));
      return reply({ type: "profiling" });
    case "profiled":
      await endProfile?.(question.file);
      return reply({ type: "written" });
    case "stop":
      await node.stop({ now: true });
      process.exit(0);
  }
}

function reply(message: Readonly<Record<string, unknown>>): void {
  // without a parent there is nothing to measure for
  process.send!(message, undefined, undefined, (error: Error | null) => error && process.exit(1));
}

process.on("message", (question: Question) => {
  answer(question).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
reply({ type: "listening", address: node.addresses[0] });
await node.ready();
reply({ type: "ready" });
