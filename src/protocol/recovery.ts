/**
 * The way out when a majority is lost for good: an operator's act, offline. The best copies among the
 * survivors become a cluster of another name, which nobody of the old one can disturb. What only the lost
 * ones knew is lost, and nobody can know whether there was any; so this is never done by itself.
 */
import { assignKeepers, hashText } from "./context/ring.ts";
import type { Replica } from "./log/replica.ts";
import { compareLogEnds, majorityOf } from "./model/ballot.ts";
import type { PersistRecord } from "./model/contract.ts";
import { KEEPING_MEMBERS_MAX } from "./model/limits.ts";
import type { LogEnd, NodeId, Roster } from "./model/types.ts";
import { firstDeciders } from "./roster/next-roster.ts";
import { PartitionTasks } from "./state/partition-tasks.ts";
import { encodeState } from "./wire/snapshots.ts";

export interface Copy {
  readonly p: number;
  readonly cfg: number;
  readonly isInstalled: boolean;
  readonly replica: Replica;
}

export interface Survivor {
  readonly id: NodeId;
  readonly roster: Roster;
  readonly copies: readonly Copy[];
}

export interface Recovery {
  readonly roster: Roster;
  /** What each survivor's store shall hold instead of what it holds. */
  readonly recordsById: ReadonlyMap<NodeId, readonly PersistRecord[]>;
  readonly taskCount: number;
  /** Partitions of which less than a majority of copies survived: their last tasks or results may be gone. */
  readonly doubtful: readonly number[];
  /** Partitions without any copy: their tasks are gone. */
  readonly empty: readonly number[];
}

/**
 * Fences go on above any that the lost ones can have given: nobody appends so many entries to a partition
 * between two looks at it.
 */
const INDEX_LEAP = 1_000_000_000;
/** Members whose joining only the lost ones know. */
const NUMBERS_LEAP = 10_000;

/** @throws RangeError when the survivors are not of one cluster */
export function recoveryOf(survivors: readonly Survivor[]): Recovery {
  const newest = newestRoster(survivors);
  const ids = new Set(survivors.map((survivor) => survivor.id));
  const members = newest.members.filter((member) => ids.has(member.id)).map((member) => ({
    ...member,
    leaving: false,
  }));
  const epoch = newest.epoch + 1000;
  const partitionCount = newest.chains.length;
  const shape = { partitionCount, replication: newest.replication, epoch };
  const roster: Roster = {
    ...newest,
    cluster: `${hashText(newest.cluster + epoch).toString(16)}-of-${newest.cluster}`.slice(0, 200),
    epoch,
    members,
    nextNo: newest.nextNo + NUMBERS_LEAP,
    deciders: firstDeciders(members),
    chains: assignKeepers(members.slice(0, KEEPING_MEMBERS_MAX), shape),
  };
  const recordsById = new Map<NodeId, PersistRecord[]>(members.map((member) => [member.id, []]));
  for (const records of recordsById.values()) records.push({ type: "roster", roster });
  let taskCount = 0;
  const doubtful: number[] = [];
  const empty: number[] = [];
  for (let p = 0; p < partitionCount; p++) {
    const copies = survivors.flatMap((survivor) => survivor.copies.filter((copy) => copy.p === p));
    const best = bestOf(copies);
    if (!best) empty.push(p);
    else if (!hasMajority(newest, p, copies)) doubtful.push(p);
    const tasks = best?.replica.tasks ?? new PartitionTasks();
    taskCount += tasks.records.size;
    const end: LogEnd = {
      ballot: best?.replica.end.ballot ?? null,
      index: (best?.replica.lastIndex ?? 0) + INDEX_LEAP,
    };
    const state = encodeState(tasks.toState());
    for (const no of roster.chains[p]![0]!.keepers) {
      const { id } = members.find((member) => member.no === no)!;
      recordsById.get(id)!.push({ type: "snapshot", p, cfg: epoch, end, state });
      recordsById.get(id)!.push({ type: "install", p, cfg: epoch });
    }
  }
  return { roster, recordsById, taskCount, doubtful, empty };
}

function newestRoster(survivors: readonly Survivor[]): Roster {
  const [first] = survivors;
  if (!first) throw new RangeError("Cannot recover a cluster: there must be a survivor, got none");
  let newest = first.roster;
  for (const { roster } of survivors) {
    if (roster.cluster !== newest.cluster) {
      const both = `${newest.cluster} and ${roster.cluster}`;
      throw new RangeError(`Cannot recover a cluster: the survivors must be of one cluster, got ${both}`);
    }
    if (roster.epoch > newest.epoch) newest = roster;
  }
  return newest;
}

/** The most up to date of the whole copies: of the newest configuration, with the longest log. */
function bestOf(copies: readonly Copy[]): Copy | undefined {
  let best: Copy | undefined;
  for (const copy of copies) {
    if (!copy.isInstalled) continue;
    if (!best || compareLogEnds(copy.replica.end, best.replica.end) > 0) best = copy;
  }
  return best;
}

/** Of some configuration that served: then the best copy has all that was chosen in it. */
function hasMajority(roster: Roster, p: number, copies: readonly Copy[]): boolean {
  const newest = roster.chains[p]!.at(-1)!;
  const whole = copies.filter((copy) => copy.isInstalled && copy.cfg === newest.epoch);
  return whole.length >= majorityOf(newest.keepers.length);
}
