/**
 * What a node can say about the cluster from its own knowledge: for people and views, never for decisions.
 */
import type { Keepers } from "./log/keeper-table.ts";
import type { Parts } from "./roles.ts";
import type { Ballot, MemberNo, TaskState } from "./model/types.ts";

export interface EngineStatus {
  /** Attached to a steward of every partition. */
  readonly serving: boolean;
  /** In no cluster, and it asks to be let into one. */
  readonly isOut: boolean;
  /** Leases held by this node. */
  readonly heldCount: number;
  /** Per partition, the highest reign that this node knows of. */
  readonly reigns: readonly (Ballot | null)[];
  stewardOf(no: MemberNo): number;
  keeps(no: MemberNo): number;
  /** Its part of the ring of those who run tasks, of 1. */
  ringShare(no: MemberNo): number;
  /** Tasks of the partitions that this node is steward of. Looks at each of them. */
  tasksByState(): Readonly<Record<TaskState, number>>;
  /** Monotonic ms of the last beat; -Infinity if never. */
  lastHeardMs(no: MemberNo): number;
}

export function statusOf({ core, worker, credit, sessions, joining, keepers }: Parts): EngineStatus {
  const { partitionCount } = core.options;
  const reigns = (): (Ballot | null)[] => Array.from({ length: partitionCount }, (_, p) => worker.reignOf(p));
  const { ring } = core;
  let shares: ReadonlyMap<MemberNo, number> | null = null;
  const chains = core.roster?.chains ?? [];
  return {
    serving: worker.readiness.isReady,
    isOut: core.roster === null && joining.hasMet,
    heldCount: credit.heldCount,
    get reigns() {
      return reigns();
    },
    stewardOf: (no) => reigns().filter((reign) => reign?.node === no).length,
    keeps: (no) => chains.filter((chain) => chain.at(-1)!.keepers.includes(no)).length,
    ringShare: (no) => (shares ??= ring.shares()).get(no) ?? 0,
    tasksByState: () => tasksByState(keepers),
    lastHeardMs: (no) => sessions.lastBeatMs(no),
  };
}

function tasksByState(keepers: Keepers): Record<TaskState, number> {
  const counts: Record<TaskState, number> = {
    ...{ pending: 0, leased: 0, sleeping: 0, paused: 0, fault: 0, completed: 0, killed: 0, failed: 0 },
  };
  for (const { reign, replica } of keepers.all) {
    if (!reign?.isActive) continue;
    for (const { state } of replica.tasks.records.values()) counts[state]++;
  }
  return counts;
}
