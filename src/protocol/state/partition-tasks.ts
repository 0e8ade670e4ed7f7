/**
 * The state machine of one partition: what each operation of its log does to the tasks. Pure and the same on
 * every keeper; an operation whose precondition fails changes nothing. Operations take effect when they are
 * appended and can be undone until they are chosen (log/replica.ts keeps the undo records).
 *
 * The room `state` is what a log does to tasks. It may touch `model` alone.
 * Next: task-machine.ts (one task: commands, errors, ends), lease-counts.ts, then log/replica.ts, which
 * applies operations.
 */
import { LIMITS } from "../model/limits.ts";
import type {
  AgreedRetention,
  Operation,
  PartitionState,
  PurgedTask,
  SessionId,
  TaskRecord,
  TaskSpec,
} from "../model/types.ts";
import { FinishedTasks } from "./finished-tasks.ts";
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
  refusalOf,
  runAnew,
  settled,
  withoutHolder,
} from "./task-machine.ts";

export interface Change {
  readonly id: string;
  readonly before: TaskRecord | undefined;
}

/** What it takes to undo one operation. The first kind is the hot one: one small object. */
export type Undo =
  | Change & { readonly type: "change" }
  | { readonly type: "changes"; readonly changes: readonly Change[]; readonly raised?: Raised | null }
  | Change & {
    readonly type: "forget";
    readonly known: PurgedTask | undefined;
    readonly raised: Raised | null;
  }
  | { readonly type: "condemn"; readonly owner: number; readonly before: Condemnation | undefined }
  | { readonly type: "retain"; readonly before: AgreedRetention | null };

/** The horizon before it was raised, and what it stands for since. */
interface Raised {
  readonly beforeMs: number;
  readonly purged: readonly PurgedTask[];
}

/** The tasks that the operation had changed. */
export function changesOf(undo: Undo): readonly Change[] {
  if (undo.type === "change" || undo.type === "forget") return [undo];
  return undo.type === "changes" ? undo.changes : [];
}

export interface Condemnation {
  readonly session: SessionId;
  /** Index of the entry, or of the snapshot that contained it. */
  readonly index: number;
}

const NOTHING: readonly [] = [];

type Command = Extract<Operation, { readonly type: "command" }>;

export class PartitionTasks {
  readonly records: Map<string, TaskRecord> = new Map();
  /** Highest condemned session per `(node, boot)`. */
  readonly condemned: Map<number, Condemnation> = new Map();
  readonly leases: LeaseCounts = new LeaseCounts();
  /** Forgotten tasks had ended by then: an unknown id that was sent before may have run already. */
  horizonMs = 0;
  /** The last time in the log. Not undone with its entry: a majority of clocks has reached it. */
  timeMs = 0;
  /** Null as long as the cluster was told nothing. */
  retention: AgreedRetention | null = null;
  /** Forgotten at a client's word, by id: a copy of the submit that made one makes no other. */
  readonly purged: Map<string, PurgedTask> = new Map();
  /** Those that have ended. */
  readonly finished: FinishedTasks = new FinishedTasks();

  static from(state: PartitionState, index: number): PartitionTasks {
    const tasks = new PartitionTasks();
    for (const record of state.records) {
      tasks.records.set(record.spec.id, record);
      if (record.state === "leased") tasks.leases.add(record.session!, 1);
    }
    for (const id of state.finished) tasks.finished.add(tasks.records.get(id)!);
    tasks.horizonMs = state.horizonMs;
    tasks.timeMs = state.timeMs;
    tasks.retention = state.retention;
    for (const purged of state.purged) tasks.purged.set(purged.id, purged);
    for (const session of state.condemned) tasks.condemned.set(ownerKey(session), { session, index });
    return tasks;
  }

  toState(): PartitionState {
    return {
      records: [...this.records.values()],
      finished: this.finished.ids(),
      condemned: [...this.condemned.values()].map((entry) => entry.session),
      horizonMs: this.horizonMs,
      timeMs: this.timeMs,
      retention: this.retention,
      purged: [...this.purged.values()],
    };
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
        if (this.records.has(op.spec.id) || this.wasPurged(op.spec)) return null;
        return this.#replace(op.spec.id, undefined, submitted(op));
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
      case "command":
        return this.#command(index, op);
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
        return this.#purge(op.ids);
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
        return this.#putBack([undo]);
      case "changes":
        this.#lowerHorizon(undo.raised ?? null);
        return this.#putBack(undo.changes);
      case "condemn":
        if (undo.before) this.condemned.set(undo.owner, undo.before);
        else this.condemned.delete(undo.owner);
        return;
      case "forget":
        this.#lowerHorizon(undo.raised);
        if (undo.known) this.purged.set(undo.id, undo.known);
        else this.purged.delete(undo.id);
        return this.#putBack([undo]);
      case "retain":
        this.retention = undo.before;
        return;
      default:
        return undo satisfies never;
    }
  }

  #putBack(changes: readonly Change[]): void {
    let isEndAgain = false;
    for (const { id, before } of changes) {
      this.#put(id, this.records.get(id), before);
      isEndAgain ||= before !== undefined && isTerminal(before.state);
    }
    if (isEndAgain) this.finished.sort((id) => this.records.get(id)!);
  }

  #put(id: string, before: TaskRecord | undefined, after: TaskRecord | undefined): void {
    if (before?.state === "leased") this.leases.add(before.session!, -1);
    if (after?.state === "leased") this.leases.add(after.session!, 1);
    if (before && isTerminal(before.state)) this.finished.delete(before);
    if (after && isTerminal(after.state)) this.finished.add(after);
    if (after) this.records.set(id, after);
    else this.records.delete(id);
  }

  #replace(id: string, before: TaskRecord | undefined, after: TaskRecord): Undo {
    this.#put(id, before, after);
    return { type: "change", id, before };
  }

  #command(index: number, { id, cid, message, atMs }: Command): Undo | null {
    if (message.type === "retain") return this.#retain(message.retention);
    const before = this.records.get(id);
    if (!before || isKnown(before, cid)) return null;
    if (message.type === "retry" || message.type === "purge") {
      if (refusalOf(before, message) !== null) return null;
      if (message.type === "purge") return this.#forget(before, index);
      return this.#replace(before.spec.id, before, runAnew(before, { no: index, cid, atMs }));
    }
    if (isTerminal(before.state)) return null;
    return this.#replace(before.spec.id, before, commanded(before, { no: index, cid, message, atMs }));
  }

  #retain(retention: AgreedRetention): Undo | null {
    const before = this.retention;
    if (before && !isNewer(retention, before)) return null;
    this.retention = retention;
    return { type: "retain", before };
  }

  #revert(session: SessionId, end: SessionEnd): Undo | null {
    const owner = ownerKey(session);
    if (!this.leases.has(owner)) return null;
    const changes: Change[] = [];
    const taken = [...this.records.values()].filter(({ state, session: held }) =>
      state === "leased" && ownerKey(held!) === owner && held!.n <= session.n
    );
    // the order of the map is not the same on all keepers: what is undone may put a task at its end
    for (const before of taken.sort((a, b) => a.fence - b.fence)) {
      const { id } = before.spec;
      const after = withoutHolder(lapsed(before, end), end.atMs);
      this.#put(id, before, after);
      changes.push({ id, before });
    }
    return changes.length === 0 ? null : { type: "changes", changes };
  }

  #absolve(life: { readonly node: number; readonly boot: number }): Undo | null {
    const changes: Change[] = [];
    for (const [id, before] of this.records) {
      const after = isTerminal(before.state) ? before : absolved(before, life);
      if (after === before) continue;
      this.#put(id, before, after);
      changes.push({ id, before });
    }
    return changes.length === 0 ? null : { type: "changes", changes };
  }

  /** A task was made by that very submit, and a client had it forgotten. */
  wasPurged({ id, cid }: TaskSpec): boolean {
    return this.purged.get(id)?.cid === cid;
  }

  #forget(before: TaskRecord, no: number): Undo {
    const { spec: { id, cid }, finishedAtMs } = before;
    const known = this.purged.get(id);
    if (finishedAtMs > this.horizonMs) this.purged.set(id, { id, cid, finishedAtMs, no });
    this.#put(id, before, undefined);
    let raised: Raised | null = null;
    if (this.purged.size > LIMITS.purgedKnownMax) {
      const oldest = [...this.purged.values()].reduce((a, b) => (a.no < b.no ? a : b));
      raised = this.#raiseHorizon(oldest.finishedAtMs);
    }
    return { type: "forget", id, before, known, raised };
  }

  #raiseHorizon(ms: number): Raised | null {
    if (ms <= this.horizonMs) return null;
    const raised = {
      beforeMs: this.horizonMs,
      purged: [...this.purged.values()].filter(({ finishedAtMs }) => finishedAtMs <= ms),
    };
    this.horizonMs = ms;
    for (const { id } of raised.purged) this.purged.delete(id);
    return raised;
  }

  /** What was forgotten by an entry that was cut is known again: else fresh submits would be refused. */
  #lowerHorizon(raised: Raised | null): void {
    if (raised === null) return;
    this.horizonMs = raised.beforeMs;
    for (const purged of raised.purged) this.purged.set(purged.id, purged);
  }

  #purge(ids: readonly string[]): Undo | null {
    const changes: Change[] = [];
    let lastMs = 0;
    for (const id of ids) {
      const before = this.records.get(id);
      if (!before || !isTerminal(before.state)) continue;
      lastMs = Math.max(lastMs, before.finishedAtMs);
      this.#put(id, before, undefined);
      changes.push({ id, before });
    }
    if (changes.length === 0) return null;
    return { type: "changes", changes, raised: this.#raiseHorizon(lastMs) };
  }
}

/** Of two that were said at once the longer one holds, in every partition. */
function isNewer(a: AgreedRetention, b: AgreedRetention): boolean {
  return (a.no - b.no || a.completedMs - b.completedMs || a.failedMs - b.failedMs) > 0;
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
    harmlessMs: 0,
  };
}
