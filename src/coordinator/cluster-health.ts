/**
 * How a cluster stands, as one of its nodes sees it: counted partition by partition, from the keepers that
 * serve. Decides when a node says that it is ready, and what people are shown.
 */
import { DECIDERS, type GroupHealth } from "../protocol/keeper-health.ts";
import type { Member, MemberNo, NodeId } from "../protocol/model/types.ts";
import type { MemberState } from "./gossip-codec.ts";

/** A member that does not serve all that it keeps. */
export interface AbsentKeeper {
  readonly node: NodeId;
  readonly name: string;
  /** `copying`: it is there, and has no whole copy of them yet. */
  readonly state: "copying" | "stopped" | "down";
  /** Partitions that it keeps and does not serve. */
  readonly partitions: number;
}

/** How the cluster stands, as the node that was asked sees it. */
export interface ClusterHealth {
  /** Partitions that are counted here; 0 while there is no cluster. */
  readonly partitions: number;
  /** Keepers of a partition: the fewest and the most. */
  readonly keepersMin: number;
  readonly keepersMax: number;
  /** Partitions all of whose keepers serve. */
  readonly whole: number;
  /** Partitions that have a quorum, lack a keeper, and would lose the quorum with one more. */
  readonly critical: number;
  /** Partitions without a quorum. */
  readonly stopped: number;
  /** Of the members that decide who joins and leaves, too few are there. */
  readonly isUndecided: boolean;
  /** How many more members may fail, whichever they are: the smallest number over all partitions. */
  readonly survives: number;
  readonly absent: readonly AbsentKeeper[];
  /** Why no node may be taken away now; null when one may. */
  readonly trouble: string | null;
}

/** What it is worked out from. */
export interface HealthView {
  readonly groups: readonly GroupHealth[];
  readonly members: readonly Member[];
  stateOf(node: NodeId): MemberState | "down";
}

export function clusterHealth({ groups, members, stateOf }: HealthView): ClusterHealth {
  const partitions = groups.filter(({ p }) => p !== DECIDERS);
  const deciders = groups.find(({ p }) => p === DECIDERS);
  const counts = partitions.map(({ keepers }) => keepers.length);
  const isUndecided = (deciders?.spare ?? 0) < 0;
  const absent = absentOf(partitions, members, stateOf);
  const rest = {
    partitions: partitions.length,
    keepersMin: Math.min(Infinity, ...counts),
    keepersMax: Math.max(0, ...counts),
    whole: partitions.filter((group) => group.absent.length === 0).length,
    critical: partitions.filter((group) => group.spare === 0 && group.absent.length > 0).length,
    stopped: partitions.filter(({ spare }) => spare < 0).length,
    isUndecided,
    survives: Math.max(0, Math.min(...groups.map(({ spare }) => spare))),
    absent,
  };
  if (partitions.length === 0) {
    return { ...rest, keepersMin: 0, survives: 0, trouble: "there is no cluster yet" };
  }
  const isFewDeciders = deciders !== undefined && deciders.spare === 0 && deciders.absent.length > 0;
  return { ...rest, trouble: troubleOf(rest, isFewDeciders) };
}

function troubleOf(health: Omit<ClusterHealth, "trouble">, isFewDeciders: boolean): string | null {
  const { partitions, critical, stopped, isUndecided } = health;
  const who = absentText(health.absent);
  if (stopped > 0) return `${stopped} of ${partitions} partitions have no quorum${who}`;
  if (critical > 0) {
    return `one more loss would cost ${critical} of ${partitions} partitions their quorum${who}`;
  }
  if (isUndecided) return "too few of the members that decide who joins and leaves are there";
  return isFewDeciders ? "with one more loss too few would be left to decide who joins and leaves" : null;
}

/** `: a (down), b (copying) do not serve` */
function absentText(absent: ClusterHealth["absent"]): string {
  if (absent.length === 0) return "";
  const shown = absent.slice(0, 5).map(({ name, state }) => `${name} (${state})`);
  const more = absent.length > 5 ? ` and ${absent.length - 5} more` : "";
  return `: ${shown.join(", ")}${more} ${absent.length === 1 ? "does" : "do"} not serve`;
}

function absentOf(
  partitions: readonly GroupHealth[],
  members: readonly Member[],
  stateOf: HealthView["stateOf"],
): AbsentKeeper[] {
  const countByNo: Map<MemberNo, number> = new Map();
  for (const { absent } of partitions) {
    for (const no of absent) countByNo.set(no, (countByNo.get(no) ?? 0) + 1);
  }
  return members.flatMap(({ no, id, name }): AbsentKeeper[] => {
    const count = countByNo.get(no);
    if (count === undefined) return [];
    const state = stateOf(id);
    const isThere = state === "up" || state === "draining";
    return [{ node: id, name, state: isThere ? "copying" : state, partitions: count }];
  });
}
