/**
 * The clients of one virtual node: they submit tasks (some ids again, some with another payload), watch,
 * cancel, ask. Every answer goes to the oracle; what they still wait for at the end is
 * liveness.ts's business.
 */
import type { Effect, Input } from "../protocol/model/contract.ts";
import type { Outcome, SubmitStatus } from "../protocol/model/messages.ts";
import { ANY_TASK } from "../protocol/model/task-filter.ts";
import type { AgreedRetention, TaskRequest, TaskSpec, TaskState } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import type { Listed } from "./oracle-answers.ts";
import { type AskedCommand, type AskedSubmit, type ClientOracle, whoSent } from "./oracle-clients.ts";
import type { TimeOracle } from "./oracle-times.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** The node that the clients ask. */
interface ClientNode {
  readonly no: number;
  readonly boot: number;
  readonly engine: { partitionOf(id: string): number; isUnsent(rid: number): boolean } | null;
  receive(inputs: readonly Input[]): void;
  later(delayMs: number, run: () => void): void;
}

interface ClientWorld extends World {
  readonly oracle: { readonly clients: ClientOracle; readonly times: TimeOracle };
}

type ClientEffect = Extract<
  Effect,
  { readonly type: "submitted" | "outcome" | "answer" | "commanded" }
>;

interface SubmitRequest extends AskedSubmit {
  readonly type: "submit";
  readonly watch: boolean;
  readonly firstSentMs: number;
}

type Request =
  | SubmitRequest
  | { readonly type: "get"; readonly id: string; readonly moment: number }
  | { readonly type: "list"; readonly moment: number; readonly limit: number; readonly listed: Listed }
  | AskedCommand & { readonly type: "command" };

/** Few tasks: pages are cut by their bytes, too. */
const PAGE_BYTES_MAX = 4000;

export class VirtualClient {
  readonly #world: ClientWorld;
  readonly #node: ClientNode;
  readonly #rng: Rng;
  #rid = 0;
  readonly #requests: Map<number, Request> = new Map();
  readonly #askedMs: Map<number, number> = new Map();
  /** Watched ids, and the moments at which their watches began. */
  readonly #watches: Map<string, number> = new Map();
  /** The same of those that nobody watches any more: an outcome may be on its way. */
  readonly #unwatched: Map<string, number> = new Map();
  /** Moments of the last submits of ids: the ends of these tasks may have been asked for along with them. */
  readonly #submits: Map<string, number> = new Map();

  constructor(world: ClientWorld, node: ClientNode) {
    this.#world = world;
    this.#node = node;
    this.#rng = new Rng(world.plan.seed, 300 + node.no);
  }

  /** In words what this client still waits for; "" = nothing. */
  get waitsFor(): string {
    const rids = [...this.#requests].map(([rid, request]) => `${request.type} ${rid}`);
    return [...rids, ...[...this.#watches.keys()].map((id) => `outcome of ${id}`)].join(", ");
  }

  /** Of the requests without an answer, the one that was made first; Infinity when there is none. */
  get waitsSinceMs(): number {
    return Math.min(...[...this.#requests.keys()].map((rid) => this.#askedMs.get(rid)!));
  }

  #note(rid: number, request: Request): void {
    this.#requests.set(rid, request);
    this.#askedMs.set(rid, this.#world.schedule.nowMs);
  }

  crashed(): void {
    this.#rid = 0; // a new process counts anew
    this.#requests.clear();
    this.#watches.clear();
    this.#unwatched.clear();
    this.#submits.clear();
  }

  get #oracle(): ClientOracle {
    return this.#world.oracle.clients;
  }

  get #moment(): number {
    return this.#oracle.versions.now;
  }

  /** `firstSentMs`: true time at which somebody sent this very submit first. */
  submit(spec: TaskSpec, watch: boolean, firstSentMs: number = this.#world.schedule.nowMs): void {
    if (!this.#node.engine) return;
    this.#world.oracle.times.sent(whoSent(spec));
    this.#oracle.asksSubmit(spec);
    this.#sendSubmit({ type: "submit", spec, watch, moment: this.#moment, firstSentMs });
  }

  #sendSubmit(request: SubmitRequest): void {
    const { spec, watch, moment, firstSentMs } = request;
    const rid = ++this.#rid;
    this.#note(rid, request);
    this.#submits.set(spec.id, moment);
    if (watch) this.#noteWatch(spec.id);
    const { schedule } = this.#world;
    if (firstSentMs === schedule.nowMs) return this.#give({ type: "submit", rid, spec, watch, ageMs: 0 });
    // of a repeat that waits for a node that stands still, too
    const age = { get: () => schedule.nowMs - firstSentMs, enumerable: true };
    this.#give(Object.defineProperty({ type: "submit", rid, spec, watch, ageMs: 0 }, "ageMs", age));
  }

  watch(id: string): void {
    this.#noteWatch(id);
    this.#give({ type: "watch", id });
  }

  unwatch(): void {
    const [first] = this.#watches;
    if (!first) return;
    const [id, moment] = first;
    this.#unwatched.set(id, moment);
    this.#watches.delete(id);
    this.#give({ type: "unwatch", id });
  }

  get(id: string): void {
    const rid = ++this.#rid;
    const p = this.#node.engine!.partitionOf(id);
    this.#note(rid, { type: "get", id, moment: this.#moment });
    this.#give({ type: "query", rid, p, query: { type: "get", id } });
  }

  command(id: string, cid: number, message: TaskRequest): void {
    if (!this.#node.engine) return;
    const rid = ++this.#rid;
    this.#oracle.asksCommand(id, cid);
    this.#note(rid, { type: "command", id, cid, message, moment: this.#moment });
    this.#give({ type: "command", rid, id, cid, message });
  }

  /** Reads all pages of a partition, of so many tasks each. */
  list(p: number, state: TaskState | "" = "", limit = 50, idPrefix = ""): void {
    this.#listPage({ p, state, idPrefix, moment: this.#moment, ids: [] }, limit);
  }

  /** It is not asked what became of it: a newer one may hold. */
  retain(p: number, retention: AgreedRetention): void {
    if (!this.#node.engine) return;
    this.#give({
      type: "command",
      rid: ++this.#rid,
      p,
      id: "",
      cid: 0,
      message: { type: "retain", retention },
    });
  }

  #listPage(listed: Listed, limit: number): void {
    const rid = ++this.#rid;
    const { p, state, idPrefix, ids } = listed;
    this.#note(rid, { type: "list", moment: this.#moment, limit, listed });
    const filter = { ...ANY_TASK, idPrefix, states: state === "" ? [] : [state as TaskState] };
    const query = { type: "list", filter, after: ids.at(-1) ?? "", limit, bytesMax: PAGE_BYTES_MAX } as const;
    this.#give({ type: "query", rid, p, query });
  }

  cancelOne(): void {
    const first = [...this.#requests.entries()][0];
    if (!first) return;
    const [rid, request] = first;
    this.#requests.delete(rid);
    if (request.type === "submit" && request.watch) this.#watches.delete(request.spec.id);
    this.#noteUnsent(rid, request);
    this.#give({ type: "cancel", rid });
  }

  /** Who gives up learns whether nothing was sent. */
  #noteUnsent(rid: number, request: Request): void {
    if (request.type !== "submit" && request.type !== "command") return;
    if (!this.#node.engine?.isUnsent(rid)) return;
    if (request.type === "submit") this.#oracle.submitNotSent(this.#node, request.spec);
    else this.#oracle.commandNotSent(this.#node, request);
  }

  #noteWatch(id: string): void {
    if (this.#watches.has(id)) return;
    // the end that the submit before it had asked for along
    this.#watches.set(id, Math.min(this.#moment, this.#submits.get(id) ?? Infinity));
  }

  #give(input: Input): void {
    this.#node.receive([input]);
  }

  /** "No such task" is no answer to somebody who is about to create it. */
  #checkUnknown(id: string): void {
    for (const request of this.#requests.values()) {
      if (request.type !== "submit" || !request.watch || request.spec.id !== id) continue;
      throw new Violation(
        "I6",
        `n${this.#node.no}: outcome "unknown" of ${id} while its submit is unanswered`,
      );
    }
  }

  take(effect: ClientEffect): void {
    if (effect.type === "outcome") return this.#takeOutcome(effect.outcome);
    const request = this.#requests.get(effect.rid);
    if (!request) return; // cancelled
    this.#requests.delete(effect.rid);
    if (effect.type === "commanded" && request.type === "command") {
      this.#oracle.commanded(this.#node, request, effect.status);
    } else if (effect.type === "submitted" && request.type === "submit") {
      this.#takeSubmitted(request, effect.status);
    } else if (effect.type === "answer" && request.type === "get") {
      this.#oracle.answer(this.#node, request.id, request.moment, effect.tasks);
    } else if (effect.type === "answer" && request.type === "list") {
      const { moment, listed, limit } = request;
      this.#oracle.answer(this.#node, null, moment, effect.tasks);
      for (const { record } of effect.tasks) listed.ids.push(record.spec.id);
      if (effect.more) this.#listPage(listed, limit);
      else this.#oracle.listed(this.#node, listed);
    }
  }

  /** An end that was asked for along with a submit may have come before the watch. */
  #takeOutcome(outcome: Outcome): void {
    const { id } = outcome;
    const moment = this.#watches.get(id) ?? this.#unwatched.get(id) ?? this.#moment;
    this.#watches.delete(id);
    if (outcome.state === "unknown") this.#checkUnknown(id);
    this.#oracle.outcome(this.#node, outcome, Math.min(moment, this.#submits.get(id) ?? Infinity));
  }

  #takeSubmitted(request: SubmitRequest, status: SubmitStatus): void {
    const { spec: { id }, watch } = request;
    this.#oracle.submitted(this.#node, request, status, this.#node.engine!.partitionOf(id));
    if (watch && (status === "tooOld" || status === "conflict")) this.#watches.delete(id);
  }
}
