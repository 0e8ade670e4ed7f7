/** Our side: nodes in processes of their own, the producer in the first. By default three, in memory. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Child, type ChildOptions, type Reply, type Runtime, type Usage, usageOf } from "./child.ts";
import { type Sample, sampleOf, spent } from "./cpu.ts";
import type { Latency } from "./latency.ts";
import type { Load } from "./load.ts";
import type { OursOptions, Question } from "./ours-node.ts";
import { Starts } from "./starts.ts";

export interface ClusterOptions {
  /** @default 3 */
  readonly nodeCount?: number;
  /** @default 100 */
  readonly capacity?: number;
  /** @default 4000, the library's */
  readonly leaseTtlMs?: number;
  /**
   * Where state is kept.
   * @default in memory
   */
  readonly directory?: string;
  /** @default "node" */
  readonly runtime?: Runtime;
  /** What its processes run. @default this checkout, not counted */
  readonly child?: Pick<ChildOptions, "checkout" | "isCounted">;
}

export class OursCluster {
  readonly nodes: Child[] = [];
  /** Which node started which held task, and when. */
  readonly starts: Starts = new Starts();

  /** @throws Error when one ends, or is not ready in time; then every process is ended */
  static async start(options: ClusterOptions = {}): Promise<OursCluster> {
    const cluster = new OursCluster();
    try {
      await cluster.#begin(options);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async #begin(options: ClusterOptions): Promise<void> {
    const { nodeCount = 3, capacity = 100, leaseTtlMs = 0, directory, runtime = "node", child = {} } =
      options;
    const namespace = `bench-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
    let address = "";
    for (let at = 0; at < nodeCount; at++) {
      const data = directory === undefined ? "" : join(directory, `node-${at}`);
      const own = { namespace, join: address, data, expect: nodeCount, capacity, leaseTtlMs };
      const node = this.#open(at, own, { ...child, runtime });
      this.nodes.push(node);
      if (at === 0) address = String((await node.next("listening"))["address"]);
    }
    await Promise.all(this.nodes.map((node) => node.next("ready")));
  }

  #open(at: number, options: OursOptions, child: ChildOptions): Child {
    return new Child("ours-node.ts", options, {
      ...child,
      onNews: (reply) => this.starts.add(at, reply),
    });
  }

  get producer(): Child {
    return this.nodes[0]!;
  }

  ask(question: Partial<Question> & Reply, replyType: string, limitMs?: number): Promise<Reply> {
    return this.producer.ask(question, replyType, limitMs);
  }

  usage(): Promise<Usage> {
    return usageOf(this.nodes);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** Throughput of one run. `profiles`: a file for each node. @throws Error when a process ends */
export async function measureOurs(
  load: Load,
  options: ClusterOptions = {},
  profiles: readonly string[] = [],
): Promise<Sample> {
  const cluster = await OursCluster.start(options);
  try {
    return await throughputOf(cluster, load, profiles);
  } finally {
    await cluster.stop();
  }
}

export async function throughputOf(
  cluster: OursCluster,
  load: Load,
  profiles: readonly string[] = [],
): Promise<Sample> {
  const { nodes } = cluster;
  const { bulk, inFlightMax, limitMs } = load;
  const produce = async (count: number): Promise<number> => {
    const question = { type: "produce", count, bulk, inFlightMax } as const;
    return Number((await cluster.ask(question, "produced", limitMs))["tookMs"]);
  };
  const read = async (): Promise<Readonly<Record<string, number>>> => ({
    "producing node": (await cluster.producer.usage()).cpuUs,
    "other nodes": (await usageOf(nodes.slice(1))).cpuUs,
  });
  await produce(load.warmUpCount);
  if (profiles.length > 0) await Promise.all(nodes.map((node) => node.ask({ type: "profile" }, "profiling")));
  const before = await read();
  const tookMs = await produce(load.count);
  const cpuUs = spent(before, await read());
  await Promise.all(profiles.map((file, at) => nodes[at]!.ask({ type: "profiled", file }, "written")));
  return sampleOf(load.count, tookMs, cpuUs);
}

export function latencyFrom(reply: Reply, name: string): Latency {
  return reply[name] as Latency;
}

/** Where the profiles of one run go, one a node, the producing one first. */
export function profileFiles(dir: string, run: number): readonly string[] {
  mkdirSync(dir, { recursive: true });
  return ["producer", "node-2", "node-3"].map((name) => join(dir, `w1-${run}-${name}.cpuprofile`));
}
