/**
 * The counter of a steward for clients: submits, watches, questions. That something was recorded is answered
 * once it is chosen. Everything else waits for an entry that is appended after the question and chosen
 * (Term.whenConfirmed), since a deposed steward would not know better.
 */
import { equals } from "uint8arrays/equals";
import type { Context } from "../context/context.ts";
import type { Term } from "../log/term.ts";
import { LIMITS } from "../model/limits.ts";
import { sizeOfView } from "../wire/client-messages.ts";
import type {
  Outcome,
  OutcomeMessage,
  QueryMessage,
  QueryReplyMessage,
  SettleReplyMessage,
  SubmitMessage,
  SubmitReplyMessage,
  SubmitStatus,
  TaskView,
  WatchMessage,
} from "../model/messages.ts";
import type { TaskQuery } from "../model/task-filter.ts";
import type { MemberNo, TaskRecord, TaskSpec } from "../model/types.ts";
import { expiryOf, isTerminal, lastErrorOf } from "../state/task-machine.ts";
import { Decisions } from "./decisions.ts";
import { matcherOf } from "./task-matcher.ts";
import { whyOf } from "./why.ts";

const NO_BYTES = new Uint8Array(0);

export interface ClientServicePort {
  /** A task is pending now. */
  enqueue(record: TaskRecord): void;
  why(record: TaskRecord): string;
}

/** A member that waits for an end: the number of its question, and who else waits for the same. */
interface Watcher {
  readonly member: MemberNo;
  no: number;
  next: Watcher | undefined;
}

export class ClientService {
  readonly #context: Context;
  readonly #term: Term;
  readonly #replies: Replies;
  readonly #port: ClientServicePort;
  /** By ids: mostly there is one. */
  readonly #watchers: Map<string, Watcher> = new Map();
  readonly #decisions: Decisions<SubmitStatus>;

  constructor(context: Context, term: Term, replies: Replies, port: ClientServicePort) {
    this.#context = context;
    this.#term = term;
    this.#replies = replies;
    this.#port = port;
    this.#decisions = new Decisions(context);
  }

  onSubmit(from: MemberNo, message: SubmitMessage): void {
    const decisions = this.#decisions.of(from);
    decisions.raise(message.floor);
    const { submits } = this.#replies.for(from);
    // asked once for each entry, which are chosen in order
    const created: number[] = [];
    let answeredCount = 0;
    const answer = (): unknown => submits.push({ rid: created[answeredCount++]!, status: "created" });
    for (const { rid, watch, ageMs, spec } of message.items) {
      if (decisions.isSettled(rid)) continue;
      const record = this.#term.replica.tasks.records.get(spec.id);
      const earlier = decisions.get(rid);
      const status = earlier ?? (decisions.isFull ? "busy" : this.#statusOf(spec, ageMs, record));
      // a busy steward has refused nothing: the client asks again
      if (status !== "busy") decisions.note(rid, status);
      if (record && (status === "created" || status === "exists")) this.#watch(from, spec.id, watch);
      if (status !== "created") {
        this.#term.whenConfirmed(() => submits.push({ rid, status }));
        continue;
      }
      created.push(rid);
      // of one that was taken the task may be forgotten: a late copy makes no other one
      const isNew = !record && !earlier;
      this.#term.whenChosen(isNew ? this.#create(spec) : this.#term.replica.lastIndex, answer);
      if (isNew) this.#watch(from, spec.id, watch);
    }
  }

  #create(spec: TaskSpec): number {
    const index = this.#term.propose({ type: "submit", spec, atMs: this.#term.time.nowMs });
    this.#port.enqueue(this.#term.replica.tasks.records.get(spec.id)!);
    return index;
  }

  #statusOf(spec: TaskSpec, ageMs: number, record: TaskRecord | undefined): SubmitStatus | "busy" {
    if (record) {
      if (record.spec.name !== spec.name || !equals(record.spec.payload, spec.payload)) {
        return "conflict";
      }
      return record.spec.cid === spec.cid ? "created" : "exists";
    }
    if (this.#term.replica.tasks.wasPurged(spec) || this.#mayBeForgotten(ageMs)) return "tooOld";
    const expiresAtMs = expiryOf(spec, this.#term.time.nowMs);
    if (expiresAtMs > 0 && expiresAtMs <= spec.runAtMs) return "expiresFirst";
    return this.#term.unchosenCount > LIMITS.entriesUnchosenMax ? "busy" : "created";
  }

  /** It may have run, ended and been forgotten since it was first sent. What is new cannot. */
  #mayBeForgotten(ageMs: number): boolean {
    const { horizonMs } = this.#term.replica.tasks;
    if (ageMs === 0 || horizonMs === 0) return false;
    const { clockRateBound: bound, heartbeatMs } = this.#context.options;
    // its clock may be slow, and it was on its way for a while
    const oldestMs = ageMs * (1 + bound) / (1 - bound) + heartbeatMs;
    return this.#term.time.sinceMs(horizonMs) < oldestMs;
  }

  onWatch(from: MemberNo, message: WatchMessage): void {
    for (const { id, no } of message.items) this.#watch(from, id, no);
  }

  #watch(from: MemberNo, id: string, no: number): void {
    if (no === 0) return;
    const { replica } = this.#term;
    const record = replica.tasks.records.get(id);
    if (record && !isTerminal(record.state)) return this.#addWatcher(from, id, no);
    this.#term.whenConfirmed(() => {
      this.#addWatcher(from, id, no);
      this.#notify(id, replica.chosenRecord(id));
    });
  }

  #addWatcher(from: MemberNo, id: string, no: number): void {
    let last: Watcher | undefined;
    for (let each = this.#watchers.get(id); each; each = each.next) {
      if (each.member === from) return void (each.no = Math.max(no, each.no));
      last = each;
    }
    const watcher = { member: from, no, next: undefined };
    if (last) last.next = watcher;
    else this.#watchers.set(id, watcher);
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
    const first = this.#watchers.get(id);
    if (!first || (record && !isTerminal(record.state))) return;
    this.#watchers.delete(id);
    const outcome: Outcome = {
      id,
      state: record?.state ?? "unknown",
      fence: record?.fence ?? 0,
      attempt: record?.attempt ?? 0,
      result: record?.result ?? null,
      error: record ? lastErrorOf(record) : "",
      failedBecause: record?.failedBecause ?? null,
    };
    for (let each: Watcher | undefined = first; each; each = each.next) {
      this.#replies.for(each.member).outcomes.push({ no: each.no, outcome });
    }
  }

  onQuery(from: MemberNo, message: QueryMessage): void {
    const { rid, p, query } = message;
    this.#term.whenConfirmed(() => {
      const { replica, time: { nowMs: timeMs } } = this.#term;
      const answer = query.type === "list" ? this.#page(query) : this.#one(replica.chosenRecord(query.id));
      const { chosenRetention: retention } = replica;
      this.#context.send(from, { type: "queryReply", rid, p, ...answer, timeMs, retention });
    });
  }

  #one(record: TaskRecord | undefined): Answer {
    return { tasks: record ? [this.#view(record)] : [], more: false };
  }

  /** As many as were asked for and fit an answer. */
  #page(query: ListQuery): Answer {
    const fits = matcherOf(query.filter, (no) => this.#context.memberByNo.get(no));
    const records = firstAfter(query, this.#term.replica.chosenRecords(), fits);
    const bytesMax = Math.min(query.bytesMax, LIMITS.answerBytesMax);
    const tasks: TaskView[] = [];
    let bytes = 0;
    for (const record of records.slice(0, query.limit)) {
      const view = this.#view(withoutContents(record));
      bytes += sizeOfView(view);
      if (bytes > bytesMax && tasks.length > 0) break;
      tasks.push(view);
    }
    return { tasks, more: tasks.length < records.length };
  }

  #view(record: TaskRecord): TaskView {
    const whyWaits = (): string => this.#port.why(record);
    return { record, why: whyOf(record, this.#term.time, whyWaits) };
  }
}

type Answer = Pick<QueryReplyMessage, "tasks" | "more">;
type ListQuery = Extract<TaskQuery, { readonly type: "list" }>;

/**
 * By their ids, one more than the limit if there is one. An id stays where it is however others come and go,
 * so pages that go on after the last one seen leave nothing out.
 */
function firstAfter(
  { after, limit }: ListQuery,
  records: Iterable<TaskRecord>,
  fits: (record: TaskRecord) => boolean,
): TaskRecord[] {
  const first: TaskRecord[] = [];
  for (const record of records) {
    const { id } = record.spec;
    if (id <= after || !fits(record)) continue;
    if (first.length > limit) {
      if (id > first[limit]!.spec.id) continue;
      first.pop();
    }
    first.splice(placeOf(id, first), 0, record);
  }
  return first;
}

/** Where it belongs among sorted ones. */
function placeOf(id: string, sorted: readonly TaskRecord[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.spec.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
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
  readonly outcomes: OutcomeMessage["items"][number][];
}

export class Replies {
  readonly #context: Context;
  readonly #term: Term;
  readonly #batchByMember: Map<MemberNo, ReplyBatch> = new Map();

  constructor(context: Context, term: Term) {
    this.#context = context;
    this.#term = term;
  }

  for(no: MemberNo): ReplyBatch {
    let batch = this.#batchByMember.get(no);
    if (!batch) this.#batchByMember.set(no, batch = { submits: [], settles: [], outcomes: [] });
    return batch;
  }

  flush(): void {
    const { p, ballot } = this.#term;
    for (const [no, { submits, settles, outcomes }] of this.#batchByMember) {
      if (submits.length > 0) {
        this.#context.send(no, { type: "submitReply", p, ballot, items: submits.splice(0) });
      }
      if (settles.length > 0) this.#context.send(no, { type: "settleReply", p, items: settles.splice(0) });
      if (outcomes.length > 0) this.#context.send(no, { type: "outcome", p, items: outcomes.splice(0) });
    }
  }
}
