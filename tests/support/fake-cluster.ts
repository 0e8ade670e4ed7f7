/** A cluster for balancers that exists as numbers only: what each node runs, and who counts. */
import type {
  Balancer,
  BalancerContext,
  ClusterNode,
  OfferedTask,
  RunningTask,
} from "../../src/consumer/balancers/balancer.ts";

export const NOW_MS = 1_800_000_000_000;

/** Two minutes old, so that no balancer takes it for a short one. */
export function running(id: string, more: Partial<RunningTask> = {}): RunningTask {
  return { id, name: "n", startedMs: NOW_MS - 120_000, load: 0, stopping: false, ...more };
}

export function offered(id: string): OfferedTask {
  return { id, name: "n", attempt: 1, input: null };
}

/** What the first of the nodes sees. */
export class FakeCluster implements BalancerContext {
  nowMs: number = NOW_MS;
  own: RunningTask[];
  nodes: ClusterNode[];

  constructor(own: readonly RunningTask[], others: readonly Partial<ClusterNode>[]) {
    this.own = [...own];
    this.nodes = [{ self: true, tasks: own.length }, ...others].map((each, no) => {
      const node = { id: `id-${no}`, name: `node-${no}`, state: "up" as const, self: false, tasks: 0 };
      return { ...node, load: 0, slots: 1000, labels: {}, ...each };
    });
  }

  /** Nodes that run so many tasks each. */
  static of(counts: readonly number[]): FakeCluster {
    const [own = 0, ...others] = counts;
    return new FakeCluster(tasks(own), others.map((count) => ({ tasks: count })));
  }

  now(): number {
    return this.nowMs;
  }

  tasks(): readonly RunningTask[] {
    return this.own;
  }

  cluster(): readonly ClusterNode[] {
    return this.nodes;
  }

  canRun({ self, state, tasks, slots }: ClusterNode): boolean {
    return !self && state === "up" && tasks < slots;
  }
}

export function tasks(count: number): RunningTask[] {
  return Array.from({ length: count }, (_, at) => running(`t${at}`));
}

/** What a balancer that answers at once would give back. */
export function released(balancer: Balancer, cluster: BalancerContext): string[] {
  balancer.init?.(cluster);
  return [...balancer.balance?.() as Iterable<string> ?? []];
}
