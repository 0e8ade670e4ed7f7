/** A coordinator in numbers, for metrics and for whether the node is ready. */
import type { Engine } from "../protocol/engine.ts";
import type { TaskState } from "../protocol/model/types.ts";
import type { ClusterHealth } from "./cluster-health.ts";
import type { CommitCounts } from "./engine-host.ts";
import type { NodeClock } from "../base/node-clock.ts";
import type { Traffic, Transport } from "./transport.ts";

export interface CoordinatorStats {
  /** Of the roster that it knows; 0 while it is in no cluster. */
  readonly epoch: number;
  /** Why it is in no cluster; null when it is in one. */
  readonly outside: string | null;
  /** How the cluster stands, partition by partition. */
  readonly health: ClusterHealth;
  /** The store takes what it is given. */
  readonly isStoreWell: boolean;
  /** Leases held by this node. */
  readonly heldCount: number;
  readonly partitionCount: number;
  readonly keptCount: number;
  readonly stewardedCount: number;
  /** Partitions of which it knows no steward. */
  readonly unstewardedCount: number;
  /** Members whose connections are open. */
  readonly connectedCount: number;
  /** Tasks that it was asked to have recorded, by clients of its own and by those that are no members. */
  readonly submitCount: number;
  readonly commits: CommitCounts;
  readonly traffic: Traffic;
  /** How far the machine's clocks jumped ahead, all jumps together: leases ended early by so much. */
  readonly clockJumpsMs: number;
  /** Tasks of the partitions that it is steward of. Looks at each of them. */
  tasksByState(): Readonly<Record<TaskState, number>>;
}

export interface StatsSources {
  readonly engine: Engine;
  readonly transport: Transport | null;
  readonly clock: Pick<NodeClock, "jumpsMs">;
  readonly partitionCount: number;
  readonly isStoreWell: boolean;
  readonly submitCount: number;
  readonly commits: CommitCounts;
  readonly health: ClusterHealth;
  readonly outside: string | null;
}

const NO_TRAFFIC: Traffic = { sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0 };

export function statsOf({ engine, transport, clock, ...rest }: StatsSources): CoordinatorStats {
  const status = engine.status();
  const { self } = engine;
  return {
    ...rest,
    epoch: engine.roster?.epoch ?? 0,
    heldCount: status.heldCount,
    keptCount: status.keeps(self),
    stewardedCount: status.stewardOf(self),
    unstewardedCount: status.terms.filter((term) => term === null).length,
    connectedCount: transport?.upCount ?? 0,
    clockJumpsMs: clock.jumpsMs,
    traffic: { ...transport?.traffic ?? NO_TRAFFIC },
    tasksByState: () => status.tasksByState(),
  };
}
