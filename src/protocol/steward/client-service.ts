/**
 * The counter of a steward for clients: submits, watches, questions. Every answer leaves after what it rests
 * on was chosen; that there is no such task must be chosen too, since a deposed steward would not know
 * better.
 */
import { equals } from "uint8arrays/equals";
import type { Context } from "../context/context.ts";
import type { Term } from "../log/term.ts";
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

export interface ClientServicePort {
  /** A task is pending now. */
  enqueue(record: TaskRecord): void;
  why(record: TaskRecord): string;
}

export class ClientService {
  readonly #context: Context;
  readonly #term: Term;
  readonly #replies: Replies;
  readonly #port: ClientServicePort;
  readonly #watchers: Map<string, MemberNo[]> = new Map();

  constructor(context: Context, term: Term, replies: Replies, port: ClientServicePort) {
    this.#context = context;
    this.#term = term;
    this.#replies = replies;
    this.#port = port;
  }

  onSubmit(from: MemberNo, message: SubmitMessage): void {
    const { replica } = this.#term;
    for (const { rid, watch, ageMs, spec } of message.items) {
      const record = replica.tasks.records.get(spec.id);
      const status = this.#statusOf(spec, ageMs, record);
      let index = replica.lastIndex;
      if (status === "created" && !record) {
        index = this.#term.propose({ type: "submit", spec, atMs: this.#term.time.nowMs });
        this.#port.enqueue(replica.tasks.records.get(spec.id)!);
      }
      if (watch && (status === "created" || status === "exists")) this.#watch(from, spec.id);
      const batch = this.#replies.for(from);
      this.#term.whenChosen(index, () => batch.submits.push({ rid, status }));
    }
  }

  #statusOf(spec: TaskSpec, ageMs: number, record: TaskRecord | undefined): SubmitStatus {
    if (record) {
      if (record.spec.name !== spec.name || !equals(record.spec.payload, spec.payload)) {
        return "conflict";
      }
      return record.spec.cid === spec.cid ? "created" : "exists";
    }
    if (this.#mayBeForgotten(ageMs)) return "tooOld";
    return this.#term.unchosenCount > LIMITS.entriesUnchosenMax ? "busy" : "created";
  }

  /** It may have run, ended and been forgotten since it was first sent. What is new cannot. */
  #mayBeForgotten(ageMs: number): boolean {
    if (ageMs === 0) return false;
    const { clockRateBound: bound, heartbeatMs } = this.#context.options;
    // its clock may be slow, and it was on its way for a while
    const oldestMs = ageMs * (1 + bound) / (1 - bound) + heartbeatMs;
    return this.#term.time.nowMs - oldestMs < this.#term.replica.tasks.horizonMs;
  }

  onWatch(from: MemberNo, message: WatchMessage): void {
    for (const id of message.ids) this.#watch(from, id);
  }

  #watch(from: MemberNo, id: string): void {
    const watchers = this.#watchers.get(id);
    if (!watchers) this.#watchers.set(id, [from]);
    else if (!watchers.includes(from)) watchers.push(from);
    const { replica } = this.#term;
    const { tasks, lastIndex } = replica;
    const record = tasks.records.get(id);
    if (record && !isTerminal(record.state)) return;
    // "there is no such task" must be chosen too: a deposed steward would not know better
    const index = record ? lastIndex : this.#term.propose({ type: "noop" });
    this.#term.whenChosen(index, () => this.#notify(id, replica.chosenRecord(id)));
  }

  /** The end of a task is chosen: notifies its watchers. */
  announce(id: string): void {
    if (!this.#watchers.has(id)) return;
    const { replica } = this.#term;
    // it may be forgotten again by an entry that is not chosen yet
    this.#notify(id, replica.tasks.records.get(id) ?? replica.chosenRecord(id));
  }

  /** The task may have ended, by a command: notifies its watchers if that is chosen. */
  announceIfOver(id: string): void {
    const record = this.#watchers.has(id) ? this.#term.replica.chosenRecord(id) : undefined;
    if (record) this.#notify(id, record);
  }

  /** Leases were taken back: some of their tasks may have been killed by commands that waited. */
  announceAll(): void {
    for (const id of [...this.#watchers.keys()]) this.announceIfOver(id);
  }

  /** Notifies the watchers of a task that has ended, or that does not exist. */
  #notify(id: string, record: TaskRecord | undefined): void {
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
    for (const no of watchers) this.#replies.for(no).outcomes.push(outcome);
  }

  onQuery(from: MemberNo, message: QueryMessage): void {
    const { rid, p, query } = message;
    const index = this.#term.propose({ type: "noop" });
    this.#term.whenChosen(index, () => {
      const { replica } = this.#term;
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
      this.#context.send(from, { type: "queryReply", rid, p, tasks, more });
    });
  }

  #view(record: TaskRecord): TaskView {
    const whyWaits = (): string => this.#port.why(record);
    return { record, why: whyOf(record, this.#term.time, whyWaits) };
  }
}

/** Lists name tasks; what is in them is asked for one by one. */
function withoutContents(record: TaskRecord): TaskRecord {
  const spec = { ...record.spec, payload: NO_BYTES };
  return { ...record, spec, result: null, checkpoint: null };
}

/** Answers of one term to one member, gathered over a step: one message of a kind leaves at its end. */
interface ReplyBatch {
  readonly submits: SubmitReplyMessage["items"][number][];
  readonly settles: SettleReplyMessage["items"][number][];
  readonly outcomes: Outcome[];
}

export class Replies {
  readonly #context: Context;
  readonly #p: number;
  readonly #batchByMember: Map<MemberNo, ReplyBatch> = new Map();

  constructor(context: Context, p: number) {
    this.#context = context;
    this.#p = p;
  }

  for(no: MemberNo): ReplyBatch {
    let batch = this.#batchByMember.get(no);
    if (!batch) this.#batchByMember.set(no, batch = { submits: [], settles: [], outcomes: [] });
    return batch;
  }

  flush(): void {
    const p = this.#p;
    for (const [no, { submits, settles, outcomes }] of this.#batchByMember) {
      if (submits.length > 0) this.#context.send(no, { type: "submitReply", p, items: submits.splice(0) });
      if (settles.length > 0) this.#context.send(no, { type: "settleReply", p, items: settles.splice(0) });
      if (outcomes.length > 0) this.#context.send(no, { type: "outcome", p, items: outcomes.splice(0) });
    }
  }
}
