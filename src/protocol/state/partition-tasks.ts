/**
 * The state machine of one partition: what each operation of its log does to the tasks. Pure and the same on
 * every keeper; an operation whose precondition fails changes nothing. Operations take effect when they are
 * appended and can be undone until they are chosen (log/replica.ts keeps the undo records).
 *
 * The room `state` is what a log does to tasks. It may touch `model` alone.
 * Next: task-machine.ts (one task: commands, errors, ends), lease-counts.ts, then log/replica.ts, which
 * applies operations.
 */
import type { Operation, PartitionState, SessionId, TaskRecord } from "../model/types.ts";
import { LeaseCounts, ownerKey } from "./lease-counts.ts";
import { absolved, lapsed, type SessionEnd } from "./lapses.ts";
import {
  acked,
  commanded,
  expired,
  expiryOf,
  isKnown,
  isOver,
  isTerminal,
  settled,
  withoutHolder,
} from "./task-machine.ts";

export interface Change {
  readonly id: string;
  readonly before: TaskRecord | undefined;
}

/** What it takes to undo one operation. The first kind is the hot one: one small object. */
export type Undo =
  | Change & { readonly type: "change"; readonly finishedPushed: boolean }
  | {
    readonly type: "changes";
    readonly changes: readonly Change[];
    readonly finishedCount: number;
    readonly purged: readonly string[];
  }
  | { readonly type: "condemn"; readonly owner: number; readonly before: Condemnation | undefined };

/** The tasks that the operation had changed. */
export function changesOf(undo: Undo): readonly Change[] {
  if (undo.type === "change") return [undo];
  return undo.type === "changes" ? undo.changes : [];
}

export interface Condemnation {
  readonly session: SessionId;
  /** Index of the entry, or of the snapshot that contained it. */
  readonly index: number;
}

const NOTHING: readonly never[] = [];

export class PartitionTasks {
  readonly records: Map<string, TaskRecord> = new Map();
  /** Highest condemned session per `(node, boot)`. */
  readonly condemned: Map<number, Condemnation> = new Map();
  readonly leases: LeaseCounts = new LeaseCounts();
  /** Forgotten tasks had ended by then: an unknown id that was sent before may have run already. */
  horizonMs = 0;
  /** The last time in the log. Not undone with its entry: a majority of clocks has reached it. */
  timeMs = 0;
  #finished: string[] = [];
  #finishedHead = 0;

  static from(state: PartitionState, index: number): PartitionTasks {
    const tasks = new PartitionTasks();
    for (const record of state.records) {
      tasks.records.set(record.spec.id, record);
      if (record.state === "leased") tasks.leases.add(record.session!, 1);
    }
    tasks.#finished = [...state.finished];
    tasks.horizonMs = state.horizonMs;
    tasks.timeMs = state.timeMs;
    for (const session of state.condemned) tasks.condemned.set(ownerKey(session), { session, index });
    return tasks;
  }

  toState(): PartitionState {
    return {
      records: [...this.records.values()],
      finished: this.#finished.slice(this.#finishedHead),
      condemned: [...this.condemned.values()].map((entry) => entry.session),
      horizonMs: this.horizonMs,
      timeMs: this.timeMs,
    };
  }

  get finishedCount(): number {
    return this.#finished.length - this.#finishedHead;
  }

  /** How many, at most `countMax`, finished before `ms`, of those that finished first. */
  finishedBefore(ms: number, countMax: number): number {
    let count = 0;
    while (count < countMax) {
      const id = this.#finished[this.#finishedHead + count];
      if (id === undefined || this.records.get(id)!.finishedAtMs >= ms) break;
      count++;
    }
    return count;
  }

  condemnationOf(node: number, boot: number): Condemnation | undefined {
    return this.condemned.get(ownerKey({ node, boot }));
  }

  isCondemned(session: SessionId): boolean {
    const entry = this.condemned.get(ownerKey(session));
    return entry !== undefined && entry.session.n >= session.n;
  }

  /** Condemned sessions that still hold leases: silence counts and a REVERT is due. */
  *openCondemnations(): Iterable<Condemnation> {
    if (this.condemned.size === 0) return;
    for (const [owner, entry] of this.condemned) {
      if (this.leases.lowestOf(owner) <= entry.session.n) yield entry;
    }
  }

  /** Applies the operation at `index`; null when it changed nothing. */
  apply(index: number, op: Operation): Undo | null {
    if ("atMs" in op && op.atMs > this.timeMs) this.timeMs = op.atMs;
    switch (op.type) {
      case "noop":
        return null;
      case "submit":
        return this.records.has(op.spec.id) ? null : this.#replace(op.spec.id, undefined, submitted(op));
      case "lease": {
        const before = this.records.get(op.id);
        if (!before || (before.state !== "pending" && before.state !== "sleeping")) return null;
        if (this.isCondemned(op.session) || isOver(before, op.atMs)) return null;
        return this.#replace(before.spec.id, before, {
          ...before,
          state: "leased",
          session: op.session,
          fence: index,
          attempt: before.attempt + 1,
          startedAtMs: op.atMs,
          checkpointSeq: 0,
          progressSeq: 0,
        });
      }
      case "settle": {
        const before = this.records.get(op.id);
        if (!before || before.state !== "leased" || before.fence !== op.fence) return null;
        const after = settled(acked(before, op.upTo), op);
        return this.#replace(before.spec.id, before, withoutHolder(after, op.atMs));
      }
      case "command": {
        const before = this.records.get(op.id);
        if (!before || isTerminal(before.state) || isKnown(before, op.cid)) return null;
        const { cid, message, atMs } = op;
        return this.#replace(before.spec.id, before, commanded(before, { no: index, cid, message, atMs }));
      }
      case "condemn": {
        if (this.isCondemned(op.session)) return null;
        const owner = ownerKey(op.session);
        const before = this.condemned.get(owner);
        this.condemned.set(owner, { session: op.session, index });
        return { type: "condemn", owner, before };
      }
      case "revert":
        return this.#revert(op.session, op);
      case "purge":
        return this.#purge(op.count);
      case "expire": {
        const before = this.records.get(op.id);
        if (!before) return null;
        const after = expired(before, { no: index, atMs: op.atMs });
        return after === before ? null : this.#replace(before.spec.id, before, after);
      }
      case "alive":
        return this.#absolve(op);
      default:
        return op satisfies never;
    }
  }

  undo(undo: Undo): void {
    switch (undo.type) {
      case "change":
        if (undo.finishedPushed) this.#finished.pop();
        return this.#putBack(undo);
      case "changes":
        this.#finished.length -= undo.finishedCount;
        if (undo.purged.length > 0) {
          this.#finished = [...undo.purged, ...this.#finished.slice(this.#finishedHead)];
          this.#finishedHead = 0;
        }
        for (const change of undo.changes) this.#putBack(change);
        return;
      case "condemn":
        if (undo.before) this.condemned.set(undo.owner, undo.before);
        else this.condemned.delete(undo.owner);
        return;
      default:
        return undo satisfies never;
    }
  }

  #putBack({ id, before }: Change): void {
    const now = this.records.get(id);
    if (now?.state === "leased") this.leases.add(now.session!, -1);
    if (before) this.records.set(id, before);
    else this.records.delete(id);
    if (before?.state === "leased") this.leases.add(before.session!, 1);
  }

  #replace(id: string, before: TaskRecord | undefined, after: TaskRecord): Undo {
    if (before?.state === "leased") this.leases.add(before.session!, -1);
    if (after.state === "leased") this.leases.add(after.session!, 1);
    this.records.set(id, after);
    const finishedPushed = isTerminal(after.state);
    if (finishedPushed) this.#finished.push(id);
    return { type: "change", id, before, finishedPushed };
  }

  #revert(session: SessionId, end: SessionEnd): Undo | null {
    const owner = ownerKey(session);
    if (!this.leases.has(owner)) return null;
    const changes: Change[] = [];
    const finishedBefore = this.#finished.length;
    let finishedCount = 0;
    const taken = [...this.records.values()].filter(({ state, session: held }) =>
      state === "leased" && ownerKey(held!) === owner && held!.n <= session.n
    );
    // the order of the map is not the same on all keepers: what is undone may put a task at its end
    for (const before of taken.sort((a, b) => a.fence - b.fence)) {
      const { id } = before.spec;
      const after = withoutHolder(lapsed(before, end), end.atMs);
      this.records.set(id, after);
      if (isTerminal(after.state)) finishedCount = this.#finished.push(id) - finishedBefore;
      changes.push({ id, before });
      this.leases.add(before.session!, -1);
    }
    return changes.length === 0 ? null : { type: "changes", changes, finishedCount, purged: NOTHING };
  }

  #absolve(life: { readonly node: number; readonly boot: number }): Undo | null {
    const changes: Change[] = [];
    for (const [id, before] of this.records) {
      const after = isTerminal(before.state) ? before : absolved(before, life);
      if (after === before) continue;
      this.records.set(id, after);
      changes.push({ id, before });
    }
    return changes.length === 0 ? null : { type: "changes", changes, finishedCount: 0, purged: NOTHING };
  }

  #purge(count: number): Undo | null {
    const purged = this.#finished.slice(this.#finishedHead, this.#finishedHead + count);
    if (purged.length === 0) return null;
    this.#finishedHead += purged.length;
    if (this.#finishedHead > 1024 && this.#finishedHead * 2 > this.#finished.length) {
      this.#finished = this.#finished.slice(this.#finishedHead);
      this.#finishedHead = 0;
    }
    const changes = purged.map((id) => ({ id, before: this.records.get(id) }));
    for (const { id, before } of changes) {
      // not undone: too high a horizon refuses too much, never too little
      this.horizonMs = Math.max(this.horizonMs, before?.finishedAtMs ?? 0);
      this.records.delete(id);
    }
    return { type: "changes", changes, finishedCount: 0, purged };
  }
}

function submitted({ spec, atMs }: Extract<Operation, { readonly type: "submit" }>): TaskRecord {
  const wakeAtMs = spec.delayMs > 0 ? atMs + spec.delayMs : spec.runAtMs;
  return {
    spec,
    state: wakeAtMs > atMs ? "sleeping" : "pending",
    session: null,
    fence: 0,
    attempt: 0,
    avoid: -1,
    wakeAtMs,
    submittedAtMs: atMs,
    startedAtMs: 0,
    finishedAtMs: 0,
    endedByHolder: false,
    errors: NOTHING,
    result: null,
    checkpoint: null,
    progress: null,
    checkpointSeq: 0,
    progressSeq: 0,
    commands: null,
    expiresAtMs: expiryOf(spec, atMs),
    failedBecause: null,
    lapses: NOTHING,
    lapsesInSuccession: 0,
  };
}
