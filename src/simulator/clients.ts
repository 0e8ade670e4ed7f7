/**
 * The clients of one virtual node: they submit tasks (some ids again, some with another payload), watch,
 * cancel, ask. Every answer goes to the oracle; what they still wait for at the end is
 * liveness.ts's business.
 */
import type { Effect, Input } from "../protocol/model/contract.ts";
import type { TaskMessage, TaskSpec } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import { type ClientOracle, whoSent } from "./oracle-clients.ts";
import type { TimeOracle } from "./oracle-times.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** The node that the clients ask. */
interface ClientNode {
  readonly no: number;
  readonly boot: number;
  readonly engine: { partitionOf(id: string): number } | null;
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

type Request =
  | {
    readonly type: "submit";
    readonly spec: TaskSpec;
    readonly watch: boolean;
    readonly firstSentMs: number;
  }
  | { readonly type: "get"; readonly id: string; readonly versionCount: number }
  | { readonly type: "command"; readonly id: string; readonly cid: number; readonly versionCount: number }
  | { readonly type: "list" };

export class VirtualClient {
  readonly #world: ClientWorld;
  readonly #node: ClientNode;
  readonly #rng: Rng;
  #rid = 0;
  readonly #requests: Map<number, Request> = new Map();
  /** Watched ids and how many versions each had when the watch began. */
  readonly #watches: Map<string, number> = new Map();

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

  crashed(): void {
    this.#rid = 0; // a new process counts anew
    this.#requests.clear();
    this.#watches.clear();
  }

  /** `firstSentMs`: true time at which somebody sent this very submit first. */
  submit(spec: TaskSpec, watch: boolean, firstSentMs: number = this.#world.schedule.nowMs): void {
    const rid = ++this.#rid;
    this.#world.oracle.times.sent(whoSent(spec));
    this.#requests.set(rid, { type: "submit", spec, watch, firstSentMs });
    if (watch) this.#noteWatch(spec.id);
    const ageMs = this.#world.schedule.nowMs - firstSentMs;
    this.#give({ type: "submit", rid, spec, watch, ageMs });
  }

  watch(id: string): void {
    this.#noteWatch(id);
    this.#give({ type: "watch", id });
  }

  unwatch(): void {
    const id = [...this.#watches.keys()][0];
    if (id === undefined) return;
    this.#watches.delete(id);
    this.#give({ type: "unwatch", id });
  }

  get(id: string): void {
    const rid = ++this.#rid;
    const p = this.#node.engine!.partitionOf(id);
    const versionCount = this.#world.oracle.clients.versions.countOf(id);
    this.#requests.set(rid, { type: "get", id, versionCount });
    this.#give({ type: "query", rid, p, query: { type: "get", id } });
  }

  command(id: string, cid: number, message: TaskMessage): void {
    const rid = ++this.#rid;
    const versionCount = this.#world.oracle.clients.versions.countOf(id);
    this.#requests.set(rid, { type: "command", id, cid, versionCount });
    this.#give({ type: "command", rid, id, cid, message });
  }

  list(p: number): void {
    const rid = ++this.#rid;
    this.#requests.set(rid, { type: "list" });
    this.#give({ type: "query", rid, p, query: { type: "list", state: "", offset: 0, limit: 50 } });
  }

  cancelOne(): void {
    const first = [...this.#requests.entries()][0];
    if (!first) return;
    const [rid, request] = first;
    this.#requests.delete(rid);
    if (request.type === "submit" && request.watch) this.#watches.delete(request.spec.id);
    this.#give({ type: "cancel", rid });
  }

  #noteWatch(id: string): void {
    if (!this.#watches.has(id)) this.#watches.set(id, this.#world.oracle.clients.versions.countOf(id));
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
    const { clients } = this.#world.oracle;
    if (effect.type === "outcome") {
      const { id } = effect.outcome;
      const versionCount = this.#watches.get(id);
      this.#watches.delete(id);
      if (effect.outcome.state === "unknown") this.#checkUnknown(id);
      clients.outcome(this.#node, effect.outcome, versionCount ?? 0);
      return;
    }
    const request = this.#requests.get(effect.rid);
    if (!request) return; // cancelled
    if (effect.type === "commanded") {
      this.#requests.delete(effect.rid);
      if (request.type !== "command") return;
      clients.commanded(this.#node, request, effect.status);
    } else if (effect.type === "submitted" && request.type === "submit") {
      this.#requests.delete(effect.rid);
      clients.submitted(
        this.#node,
        request.spec,
        effect.status,
        this.#node.engine!.partitionOf(request.spec.id),
      );
      const { spec } = request;
      const isNoTask = effect.status === "busy" || effect.status === "tooOld" || effect.status === "conflict";
      if (isNoTask && request.watch) this.#watches.delete(spec.id);
      if (effect.status === "busy") {
        this.#node.later(
          this.#rng.range(100, 1000),
          () => this.submit(spec, request.watch, request.firstSentMs),
        );
      }
    } else if (effect.type === "answer" && (request.type === "get" || request.type === "list")) {
      this.#requests.delete(effect.rid);
      const id = request.type === "get" ? request.id : null;
      clients.answer(this.#node, id, request.type === "get" ? request.versionCount : 0, effect.tasks);
    }
  }
}
