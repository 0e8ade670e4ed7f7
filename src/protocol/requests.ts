/**
 * A node as the client of stewards: submits, watches and queries that wait for an answer. Each is sent to the
 * steward of its partition and sent again, with the same id, until it is answered or given up.
 */
import type { Input } from "./api.ts";
import type { Core } from "./core.ts";
import type { Outcome, QueryReplyMessage, SubmitMessage, SubmitReplyMessage, TaskQuery } from "./messages.ts";
import { partitionOf } from "./ring.ts";
import type { MemberNo } from "./types.ts";

interface Submit {
  readonly p: number;
  readonly item: SubmitMessage["items"][number];
  sentMs: number;
}
interface Query {
  readonly p: number;
  readonly rid: number;
  readonly query: TaskQuery;
  sentMs: number;
}
interface Watch {
  readonly p: number;
  sentMs: number;
}

const NEVER = -Infinity;

export class Requests {
  readonly #core: Core;
  readonly #stewardOf: (p: number) => MemberNo;
  /** Each in the order of the last sending, so that what is overdue stands in front. */
  readonly #submits: Map<number, Submit> = new Map();
  readonly #queries: Map<string, Query> = new Map();
  readonly #watches: Map<string, Watch> = new Map();
  readonly #fresh: { submits: Submit[]; queries: Query[]; watches: [string, Watch][] } = {
    submits: [],
    queries: [],
    watches: [],
  };
  /** Partitions whose steward changed or came back: everything that waits there goes again. */
  readonly #moved: Set<number> = new Set();

  constructor(core: Core, stewardOf: (p: number) => MemberNo) {
    this.#core = core;
    this.#stewardOf = stewardOf;
  }

  #partitionOf(id: string): number {
    return partitionOf(id, this.#core.options.partitionCount);
  }

  submit(input: Extract<Input, { type: "submit" }>): void {
    const { rid, spec, watch } = input;
    const submit = { p: this.#partitionOf(spec.id), item: { rid, watch, spec }, sentMs: NEVER };
    this.#submits.set(rid, submit);
    this.#fresh.submits.push(submit);
    if (watch) this.#watches.set(spec.id, { p: submit.p, sentMs: this.#core.clock.monoMs });
  }

  watch(id: string): void {
    const watch = { p: this.#partitionOf(id), sentMs: NEVER };
    this.#watches.set(id, watch);
    this.#fresh.watches.push([id, watch]);
  }

  unwatch(id: string): void {
    this.#watches.delete(id);
  }

  query(input: Extract<Input, { type: "query" }>): void {
    const { rid, p, query } = input;
    const entry = { p, rid, query, sentMs: NEVER };
    this.#queries.set(`${rid}.${p}`, entry);
    this.#fresh.queries.push(entry);
  }

  cancel(rid: number): void {
    this.#submits.delete(rid);
    for (const [key, query] of this.#queries) if (query.rid === rid) this.#queries.delete(key);
  }

  onSubmitReply(message: SubmitReplyMessage): void {
    for (const { rid, status } of message.items) {
      const submit = this.#submits.get(rid);
      if (!submit) continue;
      this.#submits.delete(rid);
      if (status !== "created" && status !== "exists") this.#watches.delete(submit.item.spec.id);
      this.#core.emit({ type: "submitted", rid, status });
    }
  }

  onOutcome(outcome: Outcome): void {
    if (this.#watches.delete(outcome.id)) this.#core.emit({ type: "outcome", outcome });
  }

  onQueryReply(message: QueryReplyMessage): void {
    const { rid, p, tasks, more } = message;
    if (this.#queries.delete(`${rid}.${p}`)) this.#core.emit({ type: "answer", rid, p, tasks, more });
  }

  stewardMoved(p: number): void {
    this.#moved.add(p);
  }

  tick(): void {
    const { monoMs } = this.#core.clock;
    const overdueMs = monoMs - this.#core.options.resendMs;
    requeue(this.#submits, this.#fresh.submits, overdueMs, monoMs);
    requeue(this.#queries, this.#fresh.queries, overdueMs, monoMs);
    // a watch is answered when the task ends, which may take days: asking again only repairs
    const patienceMs = Math.max(5000, 4 * this.#core.options.resendMs);
    const watches: Watch[] = [];
    for (const [id, watch] of this.#watches) {
      if (watch.sentMs > monoMs - patienceMs) break;
      this.#watches.delete(id);
      this.#watches.set(id, watch);
      this.#fresh.watches.push([id, watch]);
      watch.sentMs = monoMs;
      if (watches.push(watch) >= 1000) break;
    }
  }

  /** At the end of a step: one message of a kind per partition. */
  flush(): void {
    if (this.#moved.size > 0) this.#resendMoved();
    const { submits, queries, watches } = this.#fresh;
    if (submits.length > 0) this.#sendSubmits(submits.splice(0));
    if (watches.length > 0) this.#sendWatches(watches.splice(0));
    for (const query of queries.splice(0)) {
      const { rid, p } = query;
      if (!this.#queries.has(`${rid}.${p}`)) continue;
      query.sentMs = this.#core.clock.monoMs;
      const to = this.#stewardOf(p);
      if (to >= 0) this.#core.send(to, { type: "query", rid, p, query: query.query });
    }
  }

  #resendMoved(): void {
    for (const submit of this.#submits.values()) if (this.#moved.has(submit.p)) this.#fresh.submits.push(submit);
    for (const query of this.#queries.values()) if (this.#moved.has(query.p)) this.#fresh.queries.push(query);
    for (const entry of this.#watches) if (this.#moved.has(entry[1].p)) this.#fresh.watches.push(entry);
    this.#moved.clear();
  }

  #sendSubmits(submits: readonly Submit[]): void {
    const itemsByPartition: Map<number, Submit["item"][]> = new Map();
    for (const submit of submits) {
      if (this.#submits.get(submit.item.rid) !== submit) continue;
      submit.sentMs = this.#core.clock.monoMs;
      const items = itemsByPartition.get(submit.p);
      if (items) items.push(submit.item);
      else itemsByPartition.set(submit.p, [submit.item]);
    }
    for (const [p, items] of itemsByPartition) {
      const to = this.#stewardOf(p);
      if (to >= 0) this.#core.send(to, { type: "submit", p, items });
    }
  }

  #sendWatches(watches: readonly [string, Watch][]): void {
    const idsByPartition: Map<number, string[]> = new Map();
    for (const [id, watch] of watches) {
      if (this.#watches.get(id) !== watch) continue;
      watch.sentMs = this.#core.clock.monoMs;
      const ids = idsByPartition.get(watch.p);
      if (ids) ids.push(id);
      else idsByPartition.set(watch.p, [id]);
    }
    for (const [p, ids] of idsByPartition) {
      const to = this.#stewardOf(p);
      if (to >= 0) this.#core.send(to, { type: "watch", p, ids });
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
