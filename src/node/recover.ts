/**
 * Recovery from a lost majority, offline: reads the directories of the survivors, makes a cluster of them,
 * and writes it into the same directories, all of them or none. What is made is decided by
 * protocol/recovery.ts, and encoded, before anything is written: what is shown is what would be written.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { systemEnvironment } from "../base/environment.ts";
import { nodeIdOf } from "../mesh/private-key.ts";
import { originOf } from "../protocol/model/cluster-name.ts";
import type { PersistRecord } from "../protocol/model/contract.ts";
import { recordsOf, type Recovery, recoveryOf, type Survivor, survivorOf } from "../protocol/recovery.ts";
import { decodeRecord } from "../protocol/wire/records.ts";
import { RecordFile } from "../store/record-file.ts";
import { rowOf } from "../store/record-row.ts";
import {
  planPathIn,
  readRecoveryPlan,
  type RecoveryPlan,
  removeRecoveryPlan,
  writeRecoveryPlan,
} from "../store/recovery-plan.ts";
import type { Row } from "../store/row.ts";
import { DATABASE_FILE } from "../store/side-files.ts";
import { damaged, StoreError, type StoreErrorCode, storeErrorOf, WAY_OUT } from "../store/store-error.ts";

/** What is, or would be, made of the directories. */
export interface RecoverReport
  extends Pick<Recovery, "taskCount" | "doubtful" | "stale" | "lost" | "isNeeded"> {
  readonly cluster: string;
  /** The lost one. */
  readonly from: string;
  /** Names. */
  readonly members: readonly string[];
  /** Names of the lost one's members whose directories were not given. */
  readonly missing: readonly string[];
  /** Directories whose nodes had been put out: looked at, and not members of the new one. */
  readonly unused: readonly string[];
  readonly partitionCount: number;
  /** An earlier run was cut off. This is its report, and only the rest of it is done. */
  readonly isUnfinished: boolean;
}

/** A directory that nobody else can open meanwhile. */
interface Opened {
  readonly directory: string;
  readonly file: RecordFile;
  readonly survivor: Survivor;
  /** Of all that it holds. */
  readonly checksum: number;
}

const UNCHANGED = "Nothing was changed";
const ADVICE: Readonly<Record<StoreErrorCode, string>> = {
  STORE_BUSY: "Stop its node: recover is for nodes that are all stopped",
  STORE_CORRUPT: "Nothing in it can be relied on: leave it out",
  STORE_NEWER: "Or leave it out",
  STORE_UNWRITABLE: "Copy it to where there is room and it can be written",
};

/**
 * Directories, what becomes of them, and the steps that do it: to be run in order, each of them durable. When
 * they are cut off anywhere, the same directories opened again have the steps that are left.
 */
export class Recovering {
  readonly report: RecoverReport;
  readonly steps: readonly (() => void)[];
  readonly #opened: readonly Opened[];

  /**
   * `directories`: of all nodes that are left; none of them may run.
   *
   * @throws StoreError when a directory cannot be used; RangeError when they do not belong together
   */
  static open(directories: readonly string[]): Recovering {
    const opened: Opened[] = [];
    try {
      for (const directory of directories) opened.push(open(directory, opened));
      return new Recovering(opened);
    } catch (error) {
      for (const { file } of opened) file.close();
      throw error;
    }
  }

  constructor(opened: readonly Opened[]) {
    this.#opened = opened;
    const unfinished = unfinishedOf(opened);
    const plan = unfinished ?? newPlan(opened);
    const rowByRecord = new Map(plan.rows.map((row) => [decodeRecord(row.bytes), row]));
    const records = [...rowByRecord.keys()];
    const ids = memberIdsOf(plan);
    const members = opened.filter(({ survivor: { id } }) => ids.includes(id));
    // what reads it wrote it
    this.report = { ...plan.report as RecoverReport, isUnfinished: unfinished !== null };
    this.steps = [
      ...(unfinished ? [] : [() => begin(members[0]!.directory, plan)]),
      ...members.filter(({ survivor }) => survivor.roster.cluster !== plan.cluster).map((member) => {
        const own = recordsOf(member.survivor.id, records);
        const rows = own.map((record) => rowByRecord.get(record) ?? rowOf(record, false));
        return () => commit(member, rows);
      }),
      ...opened.map(({ directory }) => () => removeRecoveryPlan(directory)),
    ];
  }

  close(): void {
    for (const { file } of this.#opened) file.close();
  }
}

/** All of it, or without `write` only the report. @throws what Recovering.open throws */
export function recover(
  directories: readonly string[],
  { write }: { readonly write: boolean },
): RecoverReport {
  const recovering = Recovering.open(directories);
  try {
    if (write) { for (const step of recovering.steps) step(); }
    return recovering.report;
  } finally {
    recovering.close();
  }
}

// ---- what is there ----------------------------------------------------------------------------------------

function open(directory: string, others: readonly Opened[]): Opened {
  if (others.some((other) => other.directory === directory)) throw refused(`${directory} is given twice`);
  if (!existsSync(join(directory, DATABASE_FILE))) {
    throw refused(
      `there must be a node's state, got no ${DATABASE_FILE} in ${directory}: leave out what is lost`,
    );
  }
  const file = guarded(() => RecordFile.open(directory));
  try {
    const { checksum, records } = guarded(() => read(directory, file));
    if (file.privateKey.length === 0) throw refused(`no node has ever used ${directory}: leave it out`);
    const survivor = survivorOf(nodeIdOf(file.privateKey), records);
    if (!survivor) {
      throw refused(`the node of ${directory} is in no cluster, so nothing is kept there: leave it out`);
    }
    const double = others.find((other) => other.survivor.id === survivor.id);
    if (double) {
      throw refused(`${double.directory} and ${directory} are of one node: give the one that it used last`);
    }
    return { directory, file, survivor, checksum };
  } catch (error) {
    file.close();
    throw error;
  }
}

function read(
  directory: string,
  file: RecordFile,
): { readonly checksum: number; readonly records: readonly PersistRecord[] } {
  let checksum = 0;
  const records: PersistRecord[] = [];
  for (const { bytes } of file.takeRows()) {
    checksum = crc32(bytes, checksum);
    try {
      records.push(decodeRecord(bytes));
    } catch (error) {
      throw damaged(`open the store in ${directory}`, (error as Error).message, error);
    }
  }
  return { checksum, records };
}

function refused(what: string): RangeError {
  return new RangeError(`Cannot recover: ${what}. ${UNCHANGED}`);
}

/** With what to do about it. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const what = error.message.replace(`. ${WAY_OUT}`, "");
    throw new StoreError(error.code, `${what}. ${ADVICE[error.code]}. ${UNCHANGED}`, { cause: error });
  }
}

// ---- what becomes of it -----------------------------------------------------------------------------------

function newPlan(opened: readonly Opened[]): RecoveryPlan {
  checkOneCluster(opened);
  const recovery = recoveryOf(opened.map(({ survivor }) => survivor), systemEnvironment.uuid());
  const { roster, before, records, taskCount, doubtful, stale, lost, isNeeded } = recovery;
  const given = new Set(opened.map(({ survivor }) => survivor.id));
  const isMember = ({ survivor: { id } }: Opened): boolean =>
    roster.members.some((member) => member.id === id);
  const report: Omit<RecoverReport, "isUnfinished"> = {
    cluster: roster.cluster,
    from: before.cluster,
    members: roster.members.map(({ name }) => name),
    missing: before.members.filter(({ id }) => !given.has(id)).map(({ name }) => name),
    unused: opened.filter((each) => !isMember(each)).map(({ directory }) => directory),
    partitionCount: before.chains.length,
    taskCount,
    doubtful,
    stale,
    lost,
    isNeeded,
  };
  return {
    cluster: roster.cluster,
    checksumById: Object.fromEntries(opened.map(({ survivor: { id }, checksum }) => [id, checksum])),
    report,
    rows: records.map((record) => rowOf(record, true)),
  };
}

function checkOneCluster(opened: readonly Opened[]): void {
  const clusters = new Set(opened.map(({ survivor }) => survivor.roster.cluster));
  if (clusters.size === 1) return;
  const list = opened.map(({ directory, survivor }) => `${directory} of ${survivor.roster.cluster}`).join(
    ", ",
  );
  const origins = new Set([...clusters].map(originOf));
  const what = `the directories must be of one cluster, got ${list}`;
  if (origins.size > 1) throw refused(what);
  throw refused(
    `${what}. All come from ${[...origins][0]}, by runs of recover that were given some of its directories ` +
      "only, and never merge again: go on with those of one, and start the other nodes on empty directories",
  );
}

/** The plan of a run that was cut off after it had written a directory. */
function unfinishedOf(opened: readonly Opened[]): RecoveryPlan | null {
  for (const { directory } of opened) {
    const plan = guarded(() => readRecoveryPlan(directory));
    const isDone = ({ survivor }: Opened): boolean => survivor.roster.cluster === plan?.cluster;
    if (!plan || !opened.some(isDone)) continue;
    const given = opened.map(({ survivor }) => survivor.id);
    if (memberIdsOf(plan).some((id) => !given.includes(id))) {
      const { members } = plan.report as RecoverReport;
      throw refused(
        `a run of it on ${
          members.join(", ")
        } was cut off, which the same run on all their directories ends. ` +
          `If one of these is lost since, or has been in use, delete ${planPathIn(directory)} first`,
      );
    }
    const rest = opened.filter((each) => !isDone(each));
    const stranger = rest.find(({ survivor: { id }, checksum }) => plan.checksumById[id] !== checksum);
    if (stranger) {
      throw refused(
        `a run of it was cut off, and ${stranger.directory} has been in use since, or was not given to it: ` +
          "leave it out, and start its node on an empty directory afterwards",
      );
    }
    return plan;
  }
  return null;
}

function memberIdsOf({ rows }: RecoveryPlan): readonly string[] {
  const records = rows.slice(0, 1).map(({ bytes }) => decodeRecord(bytes));
  return records.flatMap((record) =>
    record.type === "roster" ? record.roster.members.map(({ id }) => id) : []
  );
}

// ---- writing ----------------------------------------------------------------------------------------------

function begin(directory: string, plan: RecoveryPlan): void {
  guarded(() => {
    try {
      writeRecoveryPlan(directory, plan);
    } catch (error) {
      throw storeErrorOf(`write to ${directory}`, error);
    }
  });
}

function commit({ directory, file }: Opened, rows: readonly Row[]): void {
  try {
    file.commit(rows);
  } catch (error) {
    const { code, message } = storeErrorOf(`write to ${directory}`, error);
    const what = `${message} (${directory}). The recovery is not finished: make room and run the same again`;
    throw new StoreError(code, what, { cause: error });
  }
}
