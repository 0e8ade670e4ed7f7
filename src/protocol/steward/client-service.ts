/**
 * The counter of a steward for clients: submits, watches, questions. Every answer leaves after what it rests
 * on was chosen; that there is no such task must be chosen too, since a deposed steward would not know
 * better.
 */
import { equals } from "uint8arrays/equals";
import type { Core } from "../context/context.ts";
import type { Reign } from "../log/term.ts";
import { LIMITS } from "../model/limits.ts";
import type {
  Outcome,
  QueryMessage,
  SettleReplyMessage,
  SubmitMessage,
  SubmitReplyMessage,
  SubmitStatus,
  TaskView,
  WatchMessage,
} from "../model/messages.ts";
import type { MemberNo, TaskRecord, TaskSpec } from "../model/types.ts";
import { isTerminal } from "../state/task-machine.ts";
import { whyOf } from "./why.ts";

const NO_BYTES = new Uint8Array(0);

export interface InquiriesPort {
  /** A task is pending now. */
  enqueue(record: TaskRecord): void;
  why(record: TaskRecord): string;
}

export class Inquiries {
  readonly #core: Core;
  readonly #reign: Reign;
  readonly #trays: Trays;
  readonly #port: InquiriesPort;
  readonly #watchers: Map<string, MemberNo[]> = new Map();

  constructor(core: Core, reign: Reign, trays: Trays, port: InquiriesPort) {
    this.#core = core;
    this.#reign = reign;
    this.#trays = trays;
    this.#port = port;
  }

  onSubmit(from: MemberNo, message: SubmitMessage): void {
    const { replica } = this.#reign;
    for (const { rid, watch, spec } of message.items) {
      const record = replica.tasks.records.get(spec.id);
      const status = this.#statusOf(spec, record);
      let index = replica.lastIndex;
      if (status === "created" && !record) {
        index = this.#reign.propose({ type: "submit", spec, atMs: this.#core.clock.wallMs });
        this.#port.enqueue(replica.tasks.records.get(spec.id)!);
      }
      if (watch && (status === "created" || status === "exists")) this.#watch(from, spec.id);
      const tray = this.#trays.for(from);
      this.#reign.whenChosen(index, () => tray.submits.push({ rid, status }));
    }
  }

  #statusOf(spec: TaskSpec, record: TaskRecord | undefined): SubmitStatus {
    if (record) {
      if (record.spec.name !== spec.name || !equals(record.spec.payload, spec.payload)) {
        return "conflict";
      }
      return record.spec.firstSentAtMs === spec.firstSentAtMs ? "created" : "exists";
    }
    const { retentionMs } = this.#core.options;
    const oldestMs = Math.max(this.#core.clock.wallMs - retentionMs, this.#reign.replica.tasks.horizonMs + 1);
    if (spec.firstSentAtMs < oldestMs) return "tooOld";
    return this.#reign.unchosenCount > LIMITS.entriesUnchosenMax ? "busy" : "created";
  }

  onWatch(from: MemberNo, message: WatchMessage): void {
    for (const id of message.ids) this.#watch(from, id);
  }

  #watch(from: MemberNo, id: string): void {
    const watchers = this.#watchers.get(id);
    if (!watchers) this.#watchers.set(id, [from]);
    else if (!watchers.includes(from)) watchers.push(from);
    const { replica } = this.#reign;
    const { tasks, lastIndex } = replica;
    const record = tasks.records.get(id);
    if (record && !isTerminal(record.state)) return;
    // "there is no such task" must be chosen too: a deposed steward would not know better
    const index = record ? lastIndex : this.#reign.propose({ type: "noop" });
    this.#reign.whenChosen(index, () => this.#tell(id, replica.chosenRecord(id)));
  }

  /** The end of a task is chosen: tells its watchers. */
  announce(id: string): void {
    if (!this.#watchers.has(id)) return;
    const { replica } = this.#reign;
    // it may be forgotten again by an entry that is not chosen yet
    this.#tell(id, replica.tasks.records.get(id) ?? replica.chosenRecord(id));
  }

  /** The task may have ended, by a command: tells so if that is chosen. */
  announceIfOver(id: string): void {
    const record = this.#watchers.has(id) ? this.#reign.replica.chosenRecord(id) : undefined;
    if (record) this.#tell(id, record);
  }

  /** Leases were taken back: some of their tasks may have been killed by commands that waited. */
  announceAll(): void {
    for (const id of [...this.#watchers.keys()]) this.announceIfOver(id);
  }

  /** Tells the watchers of a task that has ended, or that does not exist. */
  #tell(id: string, record: TaskRecord | undefined): void {
    const watchers = this.#watchers.get(id);
    if (!watchers || (record && !isTerminal(record.state))) return;
    this.#watchers.delete(id);
    const outcome: Outcome = {
      id,
      state: record?.state ?? "unknown",
      fence: record?.fence ?? 0,
      attempt: record?.attempt ?? 0,
      result: record?.result ?? null,
      error: record?.errors.at(-1)?.message ?? "",
    };
    for (const no of watchers) this.#trays.for(no).outcomes.push(outcome);
  }

  onQuery(from: MemberNo, message: QueryMessage): void {
    const { rid, p, query } = message;
    const index = this.#reign.propose({ type: "noop" });
    this.#reign.whenChosen(index, () => {
      const { replica } = this.#reign;
      const tasks: TaskView[] = [];
      let more = false;
      if (query.type === "get") {
        const record = replica.chosenRecord(query.id);
        if (record) tasks.push(this.#view(record));
      } else {
        let skipped = 0;
        for (const record of replica.chosenRecords()) {
          if (query.state !== "" && record.state !== query.state) continue;
          if (skipped++ < query.offset) continue;
          if (tasks.length === query.limit) {
            more = true;
            break;
          }
          tasks.push(this.#view(withoutContents(record)));
        }
      }
      this.#core.send(from, { type: "queryReply", rid, p, tasks, more });
    });
  }

  #view(record: TaskRecord): TaskView {
    const whyWaits = (): string => this.#port.why(record);
    return { record, why: whyOf(record, this.#core.clock.wallMs, whyWaits) };
  }
}

/** Lists name tasks; what is in them is asked for one by one. */
function withoutContents(record: TaskRecord): TaskRecord {
  const spec = { ...record.spec, payload: NO_BYTES };
  return { ...record, spec, result: null, checkpoint: null };
}

/** Answers of one reign to one member, gathered over a step: one message of a kind leaves at its end. */
interface Tray {
  readonly submits: SubmitReplyMessage["items"][number][];
  readonly settles: SettleReplyMessage["items"][number][];
  readonly outcomes: Outcome[];
}

export class Trays {
  readonly #core: Core;
  readonly #p: number;
  readonly #trayByMember: Map<MemberNo, Tray> = new Map();

  constructor(core: Core, p: number) {
    this.#core = core;
    this.#p = p;
  }

  for(no: MemberNo): Tray {
    let tray = this.#trayByMember.get(no);
    if (!tray) this.#trayByMember.set(no, tray = { submits: [], settles: [], outcomes: [] });
    return tray;
  }

  flush(): void {
    const p = this.#p;
    for (const [no, { submits, settles, outcomes }] of this.#trayByMember) {
      if (submits.length > 0) this.#core.send(no, { type: "submitReply", p, items: submits.splice(0) });
      if (settles.length > 0) this.#core.send(no, { type: "settleReply", p, items: settles.splice(0) });
      if (outcomes.length > 0) this.#core.send(no, { type: "outcome", p, items: outcomes.splice(0) });
    }
  }
}
