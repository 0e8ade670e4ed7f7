/**
 * A node as the client of stewards: submits, watches and queries that wait for an answer. Each is sent to the
 * steward of its partition and sent again, with the same id, until it is answered or given up.
 *
 * The room `client` is a node as a client. It may touch `model` and `context`.
 * Next: node-commands.ts (commands to nodes), then steward/client-service.ts, which answers.
 */
import type { Context } from "../context/context.ts";
import { partitionOf } from "../context/ring.ts";
import { isSameBallot } from "../model/ballot.ts";
import type { Input } from "../model/contract.ts";
import type {
  CommandMessage,
  CommandReplyMessage,
  Outcome,
  QueryReplyMessage,
  SubmitMessage,
  SubmitReplyMessage,
  TaskQuery,
} from "../model/messages.ts";
import type { Ballot, MemberNo } from "../model/types.ts";

type SubmitItem = SubmitMessage["items"][number];

/** What changes something: a copy of it is for one term, and a refusal counts if it is of the last one. */
interface Change {
  readonly p: number;
  sentMs: number;
  /** The term that the last copy was for; null: none was sent. */
  sentTo: Ballot | null;
}
interface Submit extends Change {
  /** Somebody waits for the end already. */
  readonly isWatched: boolean;
  readonly item: Omit<SubmitItem, "ageMs">;
  /** Monotonic; before this node had it, perhaps. */
  readonly firstSentMs: number;
}
interface Command extends Change {
  readonly message: Pick<CommandMessage, "rid" | "p" | "id" | "cid" | "message">;
}
interface Query {
  readonly p: number;
  readonly rid: number;
  readonly query: TaskQuery;
  sentMs: number;
}
/** Whom to ask. `ballot` null: it may know who the steward is. */
interface Target {
  readonly no: MemberNo;
  readonly ballot: Ballot | null;
}
const RIDS_PER_BOOT = 0x1_0000_0000;
/** Numbers of own queries, beyond any that the host uses. */
const DOUBTS_FROM = 0x8000_0000;

export class Requests {
  readonly #context: Context;
  readonly #termOf: (p: number) => Ballot | null;
  /** Each in the order of the last sending, so that what is overdue stands in front. */
  readonly #submits: Map<number, Submit> = new Map();
  readonly #commands: Map<number, Command> = new Map();
  readonly #queries: Map<string, Query> = new Map();
  readonly #watches: Watches = new Watches();
  readonly #doubts: Map<number, Outcome> = new Map();
  #nextDoubt = DOUBTS_FROM;
  readonly #fresh: {
    readonly submits: Submit[];
    readonly commands: Command[];
    readonly queries: Query[];
    readonly watches: [string, Watch][];
    readonly unknown: Outcome[];
  } = { submits: [], commands: [], queries: [], watches: [], unknown: [] };
  /** Partitions whose steward changed or came back: everything that waits there goes again. */
  readonly #moved: Set<number> = new Set();
  /** By partition: submits and commands that wait for an answer. Their numbers come in order. */
  readonly #open: Map<number, Set<number>> = new Map();
  #highestRid = -1;
  #lastAsk = 0;

  /** `termOf`: the highest term of a partition that is known of. */
  constructor(context: Context, termOf: (p: number) => Ballot | null) {
    this.#context = context;
    this.#termOf = termOf;
  }

  /** Null: nobody in touch is known to have to do with it. */
  #targetOf(p: number): Target | null {
    const ballot = this.#termOf(p);
    if (ballot && this.#context.canReach(ballot.node)) return { no: ballot.node, ballot };
    // there may be another one, of which this node has not heard
    const no = this.#context.topology.keeperToAsk(p);
    return no < 0 ? null : { no, ballot: null };
  }

  #partitionOf(id: string): number {
    return partitionOf(id, this.#context.options.partitionCount);
  }

  submit(input: Extract<Input, { type: "submit" }>): void {
    const { rid, spec, watch, ageMs } = input;
    const isAsked = watch || this.#watches.isLikely;
    const item = { rid: this.#wireRid(rid), watch: isAsked ? this.#nextAsk() : 0, spec };
    const p = this.#partitionOf(spec.id);
    const firstSentMs = this.#context.clock.leaseMs - ageMs;
    const submit: Submit = { p, isWatched: watch, item, firstSentMs, sentMs: NEVER, sentTo: null };
    this.#begin(p, rid);
    // the end of an earlier task of this id, which is forgotten perhaps, is not this one's
    if (this.#watches.byId.get(spec.id)?.isWanted === false) this.#watches.byId.delete(spec.id);
    this.#submits.set(rid, submit);
    this.#fresh.submits.push(submit);
  }

  /** Answers to an earlier life of this node must not answer this one. */
  #wireRid(rid: number): number {
    return this.#context.options.boot * RIDS_PER_BOOT + rid;
  }

  #localRid(rid: number): number {
    return rid - this.#context.options.boot * RIDS_PER_BOOT;
  }

  #begin(p: number, rid: number): void {
    if (rid <= this.#highestRid) throw new RangeError(`Cannot ask: numbers must grow, got ${rid}`);
    this.#highestRid = rid;
    const open = this.#open.get(p);
    if (open) open.add(rid);
    else this.#open.set(p, new Set([rid]));
  }

  /** Answered, or given up. */
  #end(rid: number): void {
    const change = this.#submits.get(rid) ?? this.#commands.get(rid);
    if (!change) return;
    this.#submits.delete(rid);
    this.#commands.delete(rid);
    this.#open.get(change.p)!.delete(rid);
  }

  /** All below it have no answer to wait for, in that partition. */
  #floorOf(p: number): number {
    const [lowest = this.#highestRid + 1] = this.#open.get(p) ?? [];
    return this.#wireRid(lowest);
  }

  watch(id: string): void {
    const known = this.#watches.want(id);
    if (known?.outcome) return this.#report(known.outcome);
    if (known) return;
    const watch = newWatch(this.#partitionOf(id), this.#nextAsk(), NEVER, true);
    this.#watches.byId.set(id, watch);
    this.#fresh.watches.push([id, watch]);
  }

  #nextAsk(): number {
    return this.#wireRid(++this.#lastAsk);
  }

  unwatch(id: string): void {
    this.#watches.byId.delete(id);
  }

  #report(outcome: Outcome): void {
    this.#watches.byId.delete(outcome.id);
    this.#context.emit({ type: "outcome", outcome });
  }

  query({ rid, p, query }: Extract<Input, { type: "query" }>): void {
    const entry = { p, rid, query, sentMs: NEVER };
    this.#queries.set(`${rid}.${p}`, entry);
    this.#fresh.queries.push(entry);
  }

  command({ rid, id, cid, message }: Extract<Input, { type: "command" }>): void {
    const p = this.#partitionOf(id);
    const command: Command = {
      p,
      message: { rid: this.#wireRid(rid), p, id, cid, message },
      sentMs: NEVER,
      sentTo: null,
    };
    this.#begin(p, rid);
    this.#commands.set(rid, command);
    this.#fresh.commands.push(command);
  }

  cancel(rid: number): void {
    this.#end(rid);
    for (const [key, query] of this.#queries) if (query.rid === rid) this.#queries.delete(key);
  }

  /** A submit or command waits here, and no copy of it has left for a steward. */
  isUnsent(rid: number): boolean {
    const change = this.#submits.get(rid) ?? this.#commands.get(rid);
    return change?.sentTo === null;
  }

  onSubmitReply(message: SubmitReplyMessage): void {
    for (const { rid, status } of message.items) {
      const local = this.#localRid(rid);
      const submit = this.#submits.get(local);
      // one that is busy has refused nothing: it is asked again
      if (!submit || status === "busy") continue;
      if (status !== "created" && !isSameBallot(message.ballot, submit.sentTo)) continue;
      this.#end(local);
      const { watch } = submit.item;
      this.#context.emit({ type: "submitted", rid: local, status });
      if (watch !== 0 && (status === "created" || status === "exists")) this.#asked(submit);
    }
  }

  /** The steward was asked for the end along with the submit. */
  #asked({ p, isWatched, item }: Submit): void {
    const { id } = item.spec;
    const known = isWatched ? this.#watches.want(id) : this.#watches.byId.get(id);
    const { monoMs } = this.#context.clock;
    if (!known) this.#watches.byId.set(id, newWatch(p, item.watch, monoMs, isWatched));
    else if (isWatched && known.outcome) this.#report(known.outcome);
  }

  /** `no`: of the question that it answers. An earlier one may have been about an earlier task of this id. */
  onOutcome(no: number, outcome: Outcome): void {
    const watch = this.#watches.byId.get(outcome.id);
    if (!watch || no < watch.no) return;
    if (!watch.isWanted) this.#watches.hold(outcome, watch);
    else if (outcome.state === "unknown") this.#doubt(outcome, watch);
    else this.#report(outcome);
  }

  /**
   * "Unknown" may be the late answer to a question from before a submit: only a newer question settles it.
   */
  #doubt(outcome: Outcome, watch: Watch): void {
    if (watch.doubtRid !== 0) return;
    watch.doubtRid = this.#nextDoubt++;
    this.#doubts.set(watch.doubtRid, outcome);
    this.query({ type: "query", rid: watch.doubtRid, p: watch.p, query: { type: "get", id: outcome.id } });
  }

  #resolveDoubt(rid: number, isThere: boolean): void {
    const outcome = this.#doubts.get(rid)!;
    const { id } = outcome;
    this.#doubts.delete(rid);
    const watch = this.#watches.byId.get(id);
    if (watch?.doubtRid !== rid) return;
    watch.doubtRid = 0;
    if (isThere) {
      this.#fresh.watches.push([id, watch]);
      return;
    }
    this.#fresh.unknown.push(outcome);
  }

  /** At the end of the step, since a submit of the same id may have come in it. */
  #reportUnknown(outcome: Outcome): void {
    const watch = this.#watches.byId.get(outcome.id);
    if (!watch) return;
    if (this.#isSubmitting(outcome.id)) {
      this.#fresh.watches.push([outcome.id, watch]);
      return;
    }
    this.#report(outcome);
  }

  #isSubmitting(id: string): boolean {
    for (const { item } of this.#submits.values()) if (item.spec.id === id) return true;
    return false;
  }

  /** A watch is answered when the task ends, which may take days: asking again only repairs. */
  get #patienceMs(): number {
    return Math.max(5000, 4 * this.#context.options.resendMs);
  }

  onQueryReply(message: QueryReplyMessage): void {
    const { p, tasks, more } = message;
    const rid = this.#localRid(message.rid);
    if (!this.#queries.delete(`${rid}.${p}`)) return;
    if (this.#doubts.has(rid)) this.#resolveDoubt(rid, tasks.length > 0);
    else this.#context.emit({ type: "answer", rid, p, tasks, more });
  }

  onCommandReply({ rid, ballot, status }: CommandReplyMessage): void {
    const local = this.#localRid(rid);
    const command = this.#commands.get(local);
    if (!command) return;
    const isRecorded = status === "applied" || status === "queued";
    if (!isRecorded && !isSameBallot(ballot, command.sentTo)) return;
    this.#end(local);
    this.#context.emit({ type: "commanded", rid: local, status });
  }

  stewardMoved(p: number): void {
    this.#moved.add(p);
  }

  tick(): void {
    const { monoMs } = this.#context.clock;
    const overdueMs = monoMs - this.#context.options.resendMs;
    requeue(this.#submits, this.#fresh.submits, overdueMs, monoMs);
    requeue(this.#commands, this.#fresh.commands, overdueMs, monoMs);
    requeue(this.#queries, this.#fresh.queries, overdueMs, monoMs);
    this.#watches.repeat(monoMs, this.#patienceMs, this.#fresh.watches);
  }

  /** At the end of a step: one message of a kind per partition. */
  flush(): void {
    if (this.#moved.size > 0) this.#resendMoved();
    for (const outcome of this.#fresh.unknown.splice(0)) this.#reportUnknown(outcome);
    const { submits, commands, queries, watches } = this.#fresh;
    if (submits.length > 0) this.#sendSubmits(submits.splice(0));
    if (watches.length > 0) this.#sendWatches(watches.splice(0));
    for (const command of commands.splice(0)) this.#sendCommand(command);
    for (const each of queries.splice(0)) {
      const { rid, p, query } = each;
      if (!this.#queries.has(`${rid}.${p}`)) continue;
      each.sentMs = this.#context.clock.monoMs;
      const target = this.#targetOf(p);
      if (target) this.#context.send(target.no, { type: "query", rid: this.#wireRid(rid), p, query });
    }
  }

  #sendCommand(command: Command): void {
    if (this.#commands.get(this.#localRid(command.message.rid)) !== command) return;
    command.sentMs = this.#context.clock.monoMs;
    const target = this.#targetOf(command.p);
    if (!target) return;
    const { no, ballot } = target;
    if (ballot) command.sentTo = ballot;
    this.#context.send(no, { type: "command", ballot, floor: this.#floorOf(command.p), ...command.message });
  }

  #resendMoved(): void {
    for (const submit of this.#submits.values()) {
      if (this.#moved.has(submit.p)) this.#fresh.submits.push(submit);
    }
    for (const command of this.#commands.values()) {
      if (this.#moved.has(command.p)) this.#fresh.commands.push(command);
    }
    for (const query of this.#queries.values()) if (this.#moved.has(query.p)) this.#fresh.queries.push(query);
    for (const entry of this.#watches.byId) {
      if (entry[1].isWanted && this.#moved.has(entry[1].p)) this.#fresh.watches.push(entry);
    }
    this.#moved.clear();
  }

  #sendSubmits(submits: readonly Submit[]): void {
    const { monoMs, leaseMs } = this.#context.clock;
    const byPartition: Map<number, { readonly target: Target; readonly items: SubmitItem[] } | null> =
      new Map();
    for (const submit of submits) {
      const { p, item } = submit;
      if (this.#submits.get(this.#localRid(item.rid)) !== submit) continue;
      submit.sentMs = monoMs;
      let batch = byPartition.get(p);
      if (batch === undefined) {
        const target = this.#targetOf(p);
        byPartition.set(p, batch = target && { target, items: [] });
      }
      if (!batch) continue;
      if (batch.target.ballot) submit.sentTo = batch.target.ballot;
      batch.items.push({ ...item, ageMs: leaseMs - submit.firstSentMs });
    }
    for (const [p, batch] of byPartition) {
      if (!batch) continue;
      const { target: { no, ballot }, items } = batch;
      const floor = this.#floorOf(p);
      this.#context.send(no, { type: "submit", p, ballot, floor, items });
    }
  }

  #sendWatches(watches: readonly [string, Watch][]): void {
    const byPartition: Map<number, { readonly id: string; readonly no: number }[]> = new Map();
    for (const [id, watch] of watches) {
      if (this.#watches.byId.get(id) !== watch) continue;
      watch.sentMs = this.#context.clock.monoMs;
      const item = { id, no: watch.no };
      const items = byPartition.get(watch.p);
      if (items) items.push(item);
      else byPartition.set(watch.p, [item]);
    }
    for (const [p, items] of byPartition) {
      const target = this.#targetOf(p);
      if (target) this.#context.send(target.no, { type: "watch", p, items });
    }
  }
}

/** Moves what is overdue from the front of the map to its end and onto the list of what goes now. */
function requeue<K, V extends { sentMs: number }>(
  waiting: Map<K, V>,
  fresh: V[],
  overdueMs: number,
  nowMs: number,
): void {
  for (const [key, entry] of waiting) {
    if (entry.sentMs > overdueMs) return;
    waiting.delete(key);
    waiting.set(key, entry);
    fresh.push(entry);
    entry.sentMs = nowMs;
  }
}

/**
 * What a node watches as a client: tasks whose ends somebody waits for, and tasks whose ends somebody will
 * most likely ask for. Where the ends of recent tasks were waited for, the next submits ask for theirs
 * along: it spares a message a task. Such a watch is dropped after a while if nobody wants it.
 */
export interface Watch {
  readonly p: number;
  /** Of the question: answers to earlier ones do not count. */
  readonly no: number;
  sentMs: number;
  /** Somebody waits. */
  isWanted: boolean;
  /** Came before anybody waited. */
  outcome: Outcome | null;
  /** A steward said "unknown", perhaps to an older question: this query asks again. 0 = none is under way. */
  doubtRid: number;
}

function newWatch(p: number, no: number, sentMs: number, isWanted: boolean): Watch {
  return { p, no, sentMs, isWanted, outcome: null, doubtRid: 0 };
}

export const NEVER: number = -Infinity;
const PER_TICK_MAX = 1000;
/** Ends that nobody asked for, until submits ask for none. */
const INTEREST_MAX = 100;
/** Longer results are asked for again. */
const HELD_BYTES_MAX = 1024;

export class Watches {
  /** In the order of the last sending, so that what is overdue stands in front. */
  readonly byId: Map<string, Watch> = new Map();
  #interest = 0;

  /** The end of what is submitted now will be waited for. */
  get isLikely(): boolean {
    return this.#interest > 0;
  }

  /** Somebody waits for the end. Undefined when that was to be watched only now. */
  want(id: string): Watch | undefined {
    this.#interest = Math.min(INTEREST_MAX, this.#interest + 1);
    const watch = this.byId.get(id);
    if (watch) watch.isWanted = true;
    return watch;
  }

  /** An end that nobody waits for yet. */
  hold(outcome: Outcome, watch: Watch): void {
    const isShort = (outcome.result?.length ?? 0) + outcome.error.length <= HELD_BYTES_MAX;
    if (outcome.state !== "unknown" && isShort) watch.outcome = outcome;
    else this.byId.delete(outcome.id);
  }

  /** A watch is answered when the task ends, which may take days: asking again only repairs. */
  repeat(nowMs: number, patienceMs: number, fresh: [string, Watch][]): void {
    let count = 0;
    for (const [id, watch] of this.byId) {
      if (watch.sentMs > nowMs - patienceMs) break;
      this.byId.delete(id);
      if (!watch.isWanted) {
        this.#interest = Math.max(0, this.#interest - 1);
        continue;
      }
      this.byId.set(id, watch);
      fresh.push([id, watch]);
      watch.sentMs = nowMs;
      if (++count >= PER_TICK_MAX) break;
    }
  }
}
