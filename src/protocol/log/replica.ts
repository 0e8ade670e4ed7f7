/**
 * One keeper's copy of a partition: the promise, the log, and the tasks that result from it. Entries take
 * effect when appended; those that are not chosen yet can be cut again. Who may append what is keeper.ts's
 * and term.ts's business.
 */
import { compareBallots, isSameBallot } from "../model/ballot.ts";
import type {
  AgreedRetention,
  Ballot,
  Entry,
  LogEnd,
  PartitionState,
  SealedCopy,
  TaskRecord,
} from "../model/types.ts";
import { changesOf, PartitionTasks, type Undo } from "../state/partition-tasks.ts";

export const EMPTY_LOG: LogEnd = { ballot: null, index: 0 };
/** A log is trimmed when it has this part of what it may have: each time what stays is moved. */
const TRIMMED_PART = 32;

export class Replica {
  promised: Ballot | null = null;
  tasks: PartitionTasks = new PartitionTasks();
  /** Up to here the entries are known to be chosen. */
  commit = 0;
  #base: LogEnd = EMPTY_LOG;
  #entries: Entry[] = [];
  /** Bytes of the entries kept. */
  #bytes = 0;
  /** All keepers have the log up to here, as far as it is known. */
  #logFloor = 0;
  /** Bytes of entries since the last snapshot, and how long that one was. */
  snapshotDebtBytes = 0;
  snapshotBytes = 0;
  /** One per entry above `commit`. */
  #undos: (Undo | null)[] = [];

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get end(): LogEnd {
    const last = this.#entries.at(-1);
    return last ? { ballot: last.ballot, index: this.lastIndex } : this.#base;
  }

  /** The log begins after this entry; what came before is only in the tasks. */
  get base(): LogEnd {
    return this.#base;
  }

  /** Nothing was ever recorded here. */
  get isEmpty(): boolean {
    const { records, purged, horizonMs } = this.tasks;
    return records.size === 0 && purged.size === 0 && horizonMs === 0;
  }

  entryAt(index: number): Entry | undefined {
    return this.#entries[index - this.#base.index - 1];
  }

  /** Ballot of the entry at `index`; undefined when the log does not reach it or has forgotten it. */
  ballotAt(index: number): Ballot | null | undefined {
    if (index === this.#base.index) return this.#base.ballot;
    return this.entryAt(index)?.ballot;
  }

  /** Entries after `index`, in all at most `bytesMax` (but one at least) and `countMax`. */
  entriesAfter(index: number, bytesMax: number, countMax: number): Entry[] {
    const from = index - this.#base.index;
    const to = Math.min(this.#entries.length, from + countMax);
    let bytes = 0;
    let at = from;
    while (at < to) {
      bytes += this.#entries[at]!.length;
      if (bytes > bytesMax && at > from) break;
      at++;
    }
    return this.#entries.slice(from, at);
  }

  append(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.length;
    this.snapshotDebtBytes += entry.length;
    this.#undos.push(this.tasks.apply(this.lastIndex, entry.op));
    entry.tookEffect();
  }

  /** Drops every entry after `index`. */
  cut(index: number): void {
    if (index < this.commit) {
      throw new Error(`Invariant broken: cutting chosen entries after ${index}, commit is ${this.commit}`);
    }
    while (this.lastIndex > index) {
      const undo = this.#undos.pop();
      if (undo) this.tasks.undo(undo);
      this.#bytes -= this.#entries.pop()!.length;
    }
  }

  /** Learns that everything up to `index` is chosen. */
  commitTo(index: number): void {
    if (index <= this.commit) return;
    this.#undos.splice(0, index - this.commit);
    this.commit = index;
  }

  /** Forgets chosen entries up to `index`. */
  trim(index: number): void {
    const count = Math.min(index, this.commit) - this.#base.index;
    if (count <= 0) return;
    for (let i = 0; i < count; i++) this.#bytes -= this.#entries[i]!.length;
    this.#base = { ballot: this.#entries[count - 1]!.ballot, index: this.#base.index + count };
    this.#entries.splice(0, count);
  }

  /** All keepers have the log up to `index`. */
  raiseLogFloor(index: number): void {
    if (index > this.#logFloor) this.#logFloor = index;
  }

  /** Keeps the chosen entries that somebody may still ask for, but at most so many. */
  trimExcess(limits: { readonly countMax: number; readonly bytesMax: number }): void {
    const isLong = this.#entries.length >= limits.countMax / TRIMMED_PART;
    if (!isLong && this.#bytes < limits.bytesMax / TRIMMED_PART) return;
    const excess = this.#bytes > limits.bytesMax ? this.commit : this.lastIndex - limits.countMax;
    this.trim(Math.max(excess, this.#logFloor));
  }

  /** A task as of the last chosen entry: what others may be shown. */
  chosenRecord(id: string): TaskRecord | undefined {
    for (const undo of this.#undos) {
      const change = undo && changesOf(undo).find((change) => change.id === id);
      if (change) return change.before;
    }
    return this.tasks.records.get(id);
  }

  /** What the cluster was told, as of the last chosen entry. */
  get chosenRetention(): AgreedRetention | null {
    for (const undo of this.#undos) if (undo?.type === "retain") return undo.before;
    return this.tasks.retention;
  }

  /** All tasks as of the last chosen entry, in the order in which they were created. */
  *chosenRecords(): Iterable<TaskRecord> {
    const before: Map<string, TaskRecord | undefined> = new Map();
    for (const undo of this.#undos) {
      for (const change of undo ? changesOf(undo) : []) {
        if (!before.has(change.id)) before.set(change.id, change.before);
      }
    }
    for (const [id, record] of this.tasks.records) {
      const chosen = before.has(id) ? before.get(id) : record;
      before.delete(id);
      if (chosen) yield chosen;
    }
    // forgotten by an entry that is not chosen yet
    for (const record of before.values()) if (record) yield record;
  }

  /** The tasks as of the last chosen entry. */
  chosenState(): { readonly end: LogEnd; readonly state: PartitionState } {
    const unchosen = this.#entries.slice(this.commit - this.#base.index);
    this.cut(this.commit);
    const chosen = { end: this.end, state: this.tasks.toState() };
    for (const entry of unchosen) this.append(entry);
    return chosen;
  }

  /** All of it: the chosen state, and what is not known to be chosen. */
  copy(): SealedCopy {
    const tail = this.#entries.slice(this.commit - this.#base.index);
    return { ...this.chosenState(), tail };
  }

  /** Replaces the whole log by a copy. */
  adopt(copy: SealedCopy): void {
    this.install(copy.end, copy.state);
    for (const entry of copy.tail) this.append(entry);
  }

  /** Replaces the whole log by chosen state. */
  install(end: LogEnd, state: PartitionState): void {
    this.#base = end;
    this.#entries = [];
    this.#undos = [];
    this.#bytes = 0;
    this.snapshotDebtBytes = 0;
    this.commit = end.index;
    this.tasks = PartitionTasks.from(state, end.index);
  }

  /**
   * Takes the entries after `prevIndex`, whose ballot must be `prevBallot`. Cuts only where an entry differs,
   * so a late duplicate changes nothing. Returns what was new, or null when the log does not match there.
   */
  merge(
    prevIndex: number,
    prevBallot: Ballot | null,
    entries: readonly Entry[],
  ): { readonly at: number; readonly added: readonly Entry[] } | null {
    let skip = 0;
    if (prevIndex < this.commit) {
      // chosen entries match by definition
      skip = Math.min(entries.length, this.commit - prevIndex);
    } else {
      const mine = this.ballotAt(prevIndex);
      if (mine === undefined || !isSameBallot(mine, prevBallot)) return null;
    }
    while (skip < entries.length) {
      const mine = this.ballotAt(prevIndex + skip + 1);
      if (mine === undefined) break;
      if (compareBallots(mine, entries[skip]!.ballot) !== 0) {
        this.cut(prevIndex + skip);
        break;
      }
      skip++;
    }
    const added = skip === 0 ? entries : entries.slice(skip);
    for (const entry of added) this.append(entry);
    return { at: prevIndex + skip, added };
  }
}
