/** Clusters in which nothing goes wrong, and tasks run until they are asked to stop. */
import { planFor } from "../../src/simulator/profiles.ts";
import { VirtualCluster } from "../../src/simulator/cluster.ts";
import { taskSpec } from "../support/tasks.ts";

export interface QuietOptions {
  readonly size: number;
  /** Of each node. */
  readonly slots: number;
  /** For how long a task runs. */
  readonly takesMs?: number;
}

/** All of them are members. */
export function quietCluster({ size, slots, takesMs = 1e9 }: QuietOptions): VirtualCluster {
  const base = planFor(1, "calm");
  const cluster = new VirtualCluster({
    ...base,
    nodeCount: size,
    foundingCount: 3,
    partitionCount: 64,
    replication: 3,
    leaseTtlMs: 4000,
    heartbeatMs: 1000,
    heartbeatAlongMs: 500,
    marginMs: 1000,
    electionMs: 2000,
    tickMs: 100,
    calmTickMs: 1000,
    resendMs: 500,
    logEntriesMax: 2048,
    eventsMax: Infinity,
    faults: {
      ...base.faults,
      notice: 1,
      resign: false,
      split: false,
      blockingDisk: false,
      groupCommit: true,
    },
    work: { ...base.work, takesMs, slots, uneven: false, checkpoint: 0, stubborn: 0 },
  });
  for (const node of cluster.nodes) node.join();
  const isIn = (): boolean => cluster.nodes.every(({ engine }) => engine!.roster?.members.length === size);
  if (!until(cluster, 20_000, isIn)) throw new Error("not all of them are members");
  cluster.runUntil(cluster.schedule.nowMs + 3000);
  return cluster;
}

export function until(cluster: VirtualCluster, withinMs: number, isDone: () => boolean): boolean {
  const endMs = cluster.schedule.nowMs + withinMs;
  while (!isDone() && cluster.schedule.nowMs < endMs) cluster.runUntil(cluster.schedule.nowMs + 100);
  return isDone();
}

/** At each node in turn; their ids are `name-0` and so on. */
export function submit(cluster: VirtualCluster, count: number, name: string): void {
  for (let i = 0; i < count; i++) submitOne(cluster, i, name, `${name}-${i}`);
}

export function submitOne(cluster: VirtualCluster, at: number, name: string, id: string): void {
  const node = cluster.nodes[at % cluster.nodes.length]!;
  node.client.submit(taskSpec(id, { name, payload: new Uint8Array(10) }), false);
}
