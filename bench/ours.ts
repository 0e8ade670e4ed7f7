/**
 * Our side of W1: three nodes in three processes, in memory, a quorum of three; the producer is in the first.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Child, cpuUsOf, type Reply } from "./child.ts";
import type { Latency } from "./latency.ts";
import { type Sample, sampleOf, spent } from "./cpu.ts";

/** How both sides are measured. */
export interface Load {
  /** Tasks measured. */
  readonly count: number;
  readonly warmUpCount: number;
  readonly bulk: number;
  /** Tasks submitted and not done, at most (ours; BullMQ takes each bulk as soon as the last is recorded). */
  readonly inFlightMax: number;
  /** A whole run, warm-up included, must be over by then. */
  readonly limitMs: number;
}

/** What else is measured. */
export interface Extras {
  /** Tasks one at a time, after the bulk; 0 = none. */
  readonly singleCount: number;
  /** Where state is kept; null = in memory. */
  readonly directory: string | null;
}

export interface Measured {
  readonly sample: Sample;
  readonly recorded: Latency;
  readonly done: Latency;
}

export function latencyFrom(reply: Reply | null, name: string): Latency {
  return (reply?.[name] ?? { p50: 0, p99: 0 }) as Latency;
}

/** @throws Error when a process ends or does not answer in time; every process is ended in any case */
export async function measureOurs(load: Load, profiles: readonly string[] = []): Promise<Sample> {
  return (await measureOursWith(load, { singleCount: 0, directory: null }, profiles)).sample;
}

export async function measureOursWith(
  load: Load,
  { singleCount, directory }: Extras,
  profiles: readonly string[] = [],
): Promise<Measured> {
  const dataOf = (at: number): string => directory === null ? "" : join(directory, `node-${at}`);
  const namespace = `bench-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  const children: Child[] = [];
  try {
    children.push(new Child("ours-node.ts", [namespace, "", dataOf(0)]));
    const address = String((await children[0]!.next("listening"))["address"]);
    for (const i of [1, 2]) children.push(new Child("ours-node.ts", [namespace, address, dataOf(i)]));
    await Promise.all(children.map((child) => child.next("ready")));
    const [producer, ...others] = children as [Child, Child, Child];
    const { bulk, inFlightMax, limitMs } = load;
    const produce = async (count: number): Promise<number> => {
      const question = { type: "produce", count, bulk, inFlightMax };
      return Number((await producer.ask(question, "produced", limitMs))["tookMs"]);
    };
    const read = async (): Promise<Readonly<Record<string, number>>> => {
      return { "producing node": await producer.cpuUs(), "other nodes": await cpuUsOf(others) };
    };
    await produce(load.warmUpCount);
    if (profiles.length > 0) await Promise.all(children.map((c) => c.ask({ type: "profile" }, "profiling")));
    const before = await read();
    const tookMs = await produce(load.count);
    const cpuUs = spent(before, await read());
    await Promise.all(profiles.map((file, at) => children[at]!.ask({ type: "profiled", file }, "written")));
    const sample = sampleOf(load.count, tookMs, cpuUs);
    const question = { type: "single", count: singleCount };
    const singles = singleCount === 0 ? null : await producer.ask(question, "singled", limitMs);
    return { sample, recorded: latencyFrom(singles, "recorded"), done: latencyFrom(singles, "done") };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** Where the profiles of one run go, one a node, the producing one first. */
export function profileFiles(dir: string, run: number): readonly string[] {
  mkdirSync(dir, { recursive: true });
  return ["producer", "node-2", "node-3"].map((name) => join(dir, `w1-${run}-${name}.cpuprofile`));
}
