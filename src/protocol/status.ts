/**
 * What a node can say about the cluster from its own knowledge: for people and views, never for decisions.
 */
import type { KeeperTable } from "./log/keeper-table.ts";
import { type GroupHealth, groupHealths } from "./keeper-health.ts";
import type { Roles } from "./roles.ts";
import type { Ballot, MemberNo, TaskState } from "./model/types.ts";

export interface EngineStatus {
  /** Attached to a steward of every partition. */
  readonly serving: boolean;
  /** In no cluster, and it asks to be let into one. */
  readonly isOut: boolean;
  /** Leases held by this node. */
  readonly heldCount: number;
  /** Per partition, the highest term that this node knows of. */
  readonly terms: readonly (Ballot | null)[];
  stewardOf(no: MemberNo): number;
  keeps(no: MemberNo): number;
  /** Which keepers serve, partition by partition. */
  readonly healths: readonly GroupHealth[];
  /** Its part of the ring of those who run tasks, of 1. */
  ringShare(no: MemberNo): number;
  /** Tasks of the partitions that this node is steward of. Looks at each of them. */
  tasksByState(): Readonly<Record<TaskState, number>>;
  /** Monotonic ms of the last heartbeat; -Infinity if never. */
  lastHeardMs(no: MemberNo): number;
}

export function statusOf(roles: Roles): EngineStatus {
  const { context, holder, credit, liveness, joining, keepers } = roles;
  const { partitionCount } = context.options;
  const terms = (): (Ballot | null)[] => Array.from({ length: partitionCount }, (_, p) => holder.termOf(p));
  const { ring } = context;
  let healths: readonly GroupHealth[] | null = null;
  let shares: ReadonlyMap<MemberNo, number> | null = null;
  const chains = context.roster?.chains ?? [];
  return {
    serving: holder.readiness.isReady,
    isOut: context.roster === null && joining.hasMet,
    heldCount: credit.heldCount,
    get terms() {
      return terms();
    },
    get healths() {
      return healths ??= groupHealths(roles);
    },
    stewardOf: (no) => terms().filter((term) => term?.node === no).length,
    keeps: (no) => chains.filter((chain) => chain.at(-1)!.keepers.includes(no)).length,
    ringShare: (no) => (shares ??= ring.shares()).get(no) ?? 0,
    tasksByState: () => tasksByState(keepers),
    lastHeardMs: (no) => liveness.lastHeartbeatMs(no),
  };
}

function tasksByState(keepers: KeeperTable): Record<TaskState, number> {
  const counts: Record<TaskState, number> = {
    ...{ pending: 0, leased: 0, sleeping: 0, paused: 0, fault: 0, completed: 0, killed: 0, failed: 0 },
  };
  for (const { term, replica } of keepers.all) {
    if (!term?.isActive) continue;
    for (const { state } of replica.tasks.records.values()) counts[state]++;
  }
  return counts;
}
