/**
 * The way out when a majority is lost for good: an operator's act, offline. The best copies among the
 * survivors become a cluster of another name, which nobody of the old one can disturb. What only the lost
 * ones knew is lost, and nobody can know whether there was any; so this is never done by itself. Reading and
 * writing the survivors' disks is left to who calls.
 */
import { assignKeepers } from "./context/ring.ts";
import { type KeeperRecord, restoreKeeper } from "./log/keeper.ts";
import { Replica } from "./log/replica.ts";
import { compareLogEnds, majorityOf } from "./model/ballot.ts";
import { recoveredName } from "./model/cluster-name.ts";
import type { PersistRecord } from "./model/contract.ts";
import { KEEPING_MEMBERS_MAX } from "./model/limits.ts";
import { FOUNDING_EPOCH, type LogEnd, type MemberNo, type NodeId, type Roster } from "./model/types.ts";
import { firstDeciders } from "./roster/next-roster.ts";
import { PartitionTasks } from "./state/partition-tasks.ts";
import { isTerminal } from "./state/task-machine.ts";
import { encodeState } from "./wire/snapshots.ts";

/** One configuration of one partition, as a survivor's disk has it. */
export interface Copy {
  readonly p: number;
  readonly cfg: number;
  /** How many keepers the configuration has. */
  readonly voterCount: number;
  readonly replica: Replica;
  /** It has all that earlier configurations chose. */
  isInstalled: boolean;
  /** `by`: the newer configurations that were about to take over. */
  readonly seal: { by: readonly number[] };
}

export interface Survivor {
  readonly id: NodeId;
  readonly roster: Roster;
  readonly copies: readonly Copy[];
}

export interface Recovery {
  readonly roster: Roster;
  /** The roster, and the state of every partition: recordsOf() says what of it belongs to whom. */
  readonly records: readonly PersistRecord[];
  /** The newest roster that a survivor knows of the old cluster. */
  readonly before: Roster;
  readonly taskCount: number;
  /** Partitions of which no majority of copies is left: their last tasks and results may be gone. */
  readonly doubtful: readonly number[];
  /** Tasks of the doubtful partitions that had not ended as far as their copies know: they may have. */
  readonly stale: readonly string[];
  /** Partitions without any copy: their tasks are gone, and nobody knows which there were. */
  readonly lost: readonly number[];
  /** False: nothing is lost or in doubt, and the old cluster can go on with these nodes alone. */
  readonly isNeeded: boolean;
}

/** Rosters that only the lost ones know. */
const EPOCHS_LEAP = 1000;
/** Members whose joining only the lost ones know. */
const NUMBERS_LEAP = 10_000;
/**
 * Indices go on above any that the lost ones can have given, so that fences only grow. They follow from the
 * epoch, since a survivor may have no copy of anything: each recovery leaps by a million million, which
 * 10,000 entries a second take three years to reach, and 9,000 recoveries stay below 2^53.
 */
const INDICES_PER_EPOCH = 1_000_000_000;

/** What a disk says of its node: null when the node is in no cluster. */
export function survivorOf(id: NodeId, records: readonly PersistRecord[]): Survivor | null {
  const roster = records.findLast((record) => record.type === "roster")?.roster;
  const no = roster?.members.find((member) => member.id === id)?.no;
  if (!roster || no === undefined) return null;
  const copies = new Map<string, Copy>();
  for (const [p, chain] of roster.chains.entries()) {
    for (const { epoch: cfg, keepers } of chain) {
      if (keepers.includes(no)) copies.set(`${p}/${cfg}`, newCopy(p, cfg, keepers.length));
    }
  }
  for (const record of records) {
    if (!isOfKeeper(record)) continue;
    const cfg = record.type === "promise" ? record.ballot.cfg : record.cfg;
    const copy = copies.get(`${record.p}/${cfg}`);
    if (copy) restoreKeeper(copy, record);
  }
  return { id, roster, copies: [...copies.values()] };
}

function newCopy(p: number, cfg: number, voterCount: number): Copy {
  const isInstalled = cfg === FOUNDING_EPOCH;
  return { p, cfg, voterCount, isInstalled, replica: new Replica(), seal: { by: [] } };
}

function isOfKeeper(record: PersistRecord): record is KeeperRecord {
  const { type } = record;
  return type !== "founding" && type !== "roster" && type !== "vote" && type !== "retire";
}

/**
 * `nonce`: a text that no other recovery has; two recoveries of one cluster are two clusters.
 *
 * @throws RangeError when the survivors are not of one cluster
 */
export function recoveryOf(survivors: readonly Survivor[], nonce: string): Recovery {
  const before = newestRoster(survivors);
  const roster = nextCluster(before, survivors, nonce);
  const copies = survivors.flatMap((survivor) => survivor.copies);
  // above all that the old cluster, below all that the new one will give
  const ballot = { cfg: roster.epoch, counter: 0, node: 0, boot: 0 };
  const end: LogEnd = { ballot, index: roster.epoch * INDICES_PER_EPOCH };
  const records: PersistRecord[] = [{ type: "roster", roster }];
  const doubtful: number[] = [];
  const stale: string[] = [];
  const lost: number[] = [];
  let taskCount = 0;
  for (let p = 0; p < before.chains.length; p++) {
    const ofPartition = copies.filter((copy) => copy.p === p);
    const best = bestOf(ofPartition);
    const tasks = best?.replica.tasks ?? new PartitionTasks();
    taskCount += tasks.records.size;
    if (!best) lost.push(p);
    else if (!isComplete(ofPartition)) {
      doubtful.push(p);
      for (const [id, { state }] of tasks.records) if (!isTerminal(state)) stale.push(id);
    }
    records.push({ type: "snapshot", p, cfg: roster.epoch, end, state: encodeState(tasks.toState()) });
  }
  const isNeeded = lost.length + doubtful.length > 0 || !canDecide(before, survivors);
  return { roster, records, before, taskCount, doubtful, stale, lost, isNeeded };
}

/** What the disk of a member of the new cluster shall hold, instead of what it holds. */
export function recordsOf(id: NodeId, records: readonly PersistRecord[]): readonly PersistRecord[] {
  let no: MemberNo | undefined;
  let chains: Roster["chains"] = [];
  const own: PersistRecord[] = [];
  for (const record of records) {
    if (record.type === "roster") {
      no = record.roster.members.find((member) => member.id === id)?.no;
      if (no === undefined) return [];
      ({ chains } = record.roster);
      own.push(record);
    } else if (record.type === "snapshot" && chains[record.p]![0]!.keepers.includes(no!)) {
      own.push(record, { type: "install", p: record.p, cfg: record.cfg });
    }
  }
  return own;
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

/** Its members are the survivors that the newest roster knows: who is not in it was put out. */
function nextCluster(before: Roster, survivors: readonly Survivor[], nonce: string): Roster {
  const ids = new Set(survivors.map(({ id }) => id));
  const members = before.members.filter(({ id }) => ids.has(id)).map((member) => ({
    ...member,
    leaving: false,
  }));
  const epoch = before.epoch + EPOCHS_LEAP;
  const shape = { partitionCount: before.chains.length, replication: before.replication, epoch };
  return {
    ...before,
    cluster: recoveredName(nonce, before.cluster),
    epoch,
    members,
    nextNo: before.nextNo + NUMBERS_LEAP,
    deciders: firstDeciders(members),
    chains: assignKeepers(members.slice(0, KEEPING_MEMBERS_MAX), shape),
  };
}

/**
 * The most up to date, whole or not: each is the beginning of a log that was once the steward's. Undefined
 * when there is none, or only empty ones that are not whole.
 */
function bestOf(copies: readonly Copy[]): Copy | undefined {
  let best: Copy | undefined;
  for (const copy of copies) {
    if (!copy.isInstalled && copy.replica.lastIndex === 0) continue;
    if (!best || compareLogEnds(copy.replica.end, best.replica.end) > 0) best = copy;
  }
  return best;
}

/**
 * A majority of some configuration is here, whole, and not sealed. What it chose is in the best of these
 * copies; and nothing was chosen afterwards, for a newer configuration begins by sealing a majority.
 */
function isComplete(copies: readonly Copy[]): boolean {
  return copies.some(({ cfg, voterCount }) => {
    const serving = copies.filter((copy) =>
      copy.cfg === cfg && copy.isInstalled && copy.seal.by.length === 0
    );
    return serving.length >= majorityOf(voterCount);
  });
}

/** The next roster of the old cluster can be decided. */
function canDecide({ members, deciders }: Roster, survivors: readonly Survivor[]): boolean {
  const left = deciders.filter((no) => {
    const id = members.find((member) => member.no === no)?.id;
    return survivors.some((survivor) => survivor.id === id);
  });
  return left.length >= majorityOf(deciders.length);
}
