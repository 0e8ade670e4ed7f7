/**
 * Real engines of one cluster that hear each other at once, for claims about who runs what. Tasks run until
 * the test ends them.
 */
import { engineOptions } from "../../src/coordinator/settings.ts";
import { type NodeOptions, nodeSettings } from "../../src/node/options.ts";
import type { Effect, Input } from "../../src/protocol/model/contract.ts";
import { Engine } from "../../src/protocol/engine.ts";
import type { GrantedTask, Message } from "../../src/protocol/model/messages.ts";
import { ANY_TASK, type TaskFilter } from "../../src/protocol/model/task-filter.ts";
import type {
  Entry,
  Placement,
  Settlement,
  TaskOptions,
  TaskRequest,
} from "../../src/protocol/model/types.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { PLAIN_OPTIONS, taskSpec } from "./tasks.ts";

export interface BenchNode {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly slots?: number;
  readonly handlers?: readonly string[];
  readonly limits?: Readonly<Record<string, number>>;
}

interface Running {
  readonly node: string;
  readonly p: number;
  readonly task: GrantedTask;
}

const WALL_MS = 1e12;

export function optionsOf(placement: Partial<Placement>, priority = 0): TaskOptions {
  return {
    ...PLAIN_OPTIONS,
    priority,
    placement: { requires: [], prefers: [], node: "", apart: "", ...placement },
  };
}

export class EngineBench {
  readonly #engines: Map<string, Engine> = new Map();
  readonly #inbox: Map<string, Input[]> = new Map();
  /** What runs now, by task. */
  readonly running: Map<string, Running> = new Map();
  /** Every start, in order: `task@node`. */
  readonly starts: string[] = [];
  /** The nodes to which another one has sent demand: tasks wait there that they could run. */
  readonly demandTo: Set<string> = new Set();
  /** Ends that were reported, in order: `task state`. */
  readonly ended: string[] = [];
  /** What stewards announced about owners, in order: `task state owner`. */
  readonly owned: string[] = [];
  /** Between nodes, as the senders put it. */
  readonly sent: Message[] = [];
  /** Answers to submits, in order. */
  readonly answers: string[] = [];
  /** For how long each node's machine was suspended in all: time that only its lease clock counts. */
  readonly sleptMs: Map<string, number> = new Map();
  /** What gets lost on its way. */
  loses: (message: Message) => boolean = () => false;
  /** Answers to commands, in order: `task status`. */
  readonly commanded: string[] = [];
  /** Pages of lists, in order. */
  readonly pages: string[][] = [];
  readonly #cuts: (readonly [string, string])[] = [];
  readonly #commandedId: Map<number, string> = new Map();
  /** By the number of the question. */
  readonly #why: Map<number, string> = new Map();
  #nowMs = 0;
  #rid = 0;
  #seq = 0;
  #cid = 0;

  constructor(nodes: readonly BenchNode[], partitions = 4, more: Partial<NodeOptions> = {}) {
    for (const { name, labels = {} } of nodes) {
      const settings = nodeSettings({ name, labels, partitions, expect: nodes.length, mdns: false, ...more });
      const options = engineOptions(name, settings, memoryStore());
      const seed = this.#engines.size + 1;
      this.#engines.set(name, new Engine({ ...options, nonce: "n", seed }));
      this.#inbox.set(name, []);
    }
    for (const node of nodes) this.offer(node);
    for (const { name: node } of nodes) {
      for (const { name: peer, labels = {} } of nodes) {
        const candidate = { name: peer, labels, witness: false, expect: nodes.length };
        if (peer !== node) this.push(node, { type: "peer", node: peer, up: true, candidate });
      }
    }
    this.run(8000);
  }

  engineOf(node: string): Engine {
    return this.#engines.get(node)!;
  }

  push(node: string, input: Input): void {
    this.#inbox.get(node)!.push(input);
  }

  /** Each of the two notices that it has lost the other. */
  cut(one: string, other: string): void {
    for (const [node, peer] of [[one, other], [other, one]] as const) {
      this.#cuts.push([node, peer]);
      this.push(node, { type: "peer", node: peer, up: false });
    }
  }

  #isCut(from: string, to: string): boolean {
    return this.#cuts.some(([node, peer]) => node === from && peer === to);
  }

  offer({ name, slots = 10, handlers = ["h"], limits = {} }: BenchNode): void {
    this.push(name, { type: "capacity", slots, handlers, standing: "up", limits });
  }

  submit(id: string, options: TaskOptions | null = null, name = "h", watch = false, ageMs = 0): void {
    const spec = taskSpec(id, { name, options, cid: ++this.#cid });
    const [first] = this.#engines.keys();
    this.push(first!, { type: "submit", rid: ++this.#rid, watch, spec, ageMs });
  }

  /** Where tasks are submitted. Returns its number. */
  command(id: string, message: TaskRequest = { type: "pause" }): number {
    const [first] = this.#engines.keys();
    const rid = ++this.#rid;
    this.#commandedId.set(rid, id);
    this.push(first!, { type: "command", rid, id, cid: rid, message });
    return rid;
  }

  /** The fence of a task as the steward of partition 0 has it, which is the first node. */
  fenceOf(id: string): number {
    const [first] = this.#engines.values();
    return first!.record(0, id)?.fence ?? 0;
  }

  /** One page of partition 0. */
  list(after: string, limit: number, filter: Partial<TaskFilter> = {}, bytesMax = 1e6): readonly string[] {
    const [first] = this.#engines.keys();
    const query = { type: "list", filter: { ...ANY_TASK, ...filter }, after, limit, bytesMax } as const;
    this.push(first!, { type: "query", rid: ++this.#rid, p: 0, query });
    this.run(50);
    return this.pages.at(-1)!;
  }

  /** At the node where tasks are submitted. */
  isUnsent(rid: number): boolean {
    const [first] = this.#engines.values();
    return first!.isUnsent(rid);
  }

  /** Waits for the end, where tasks are submitted. */
  watch(id: string): void {
    const [first] = this.#engines.keys();
    this.push(first!, { type: "watch", id });
  }

  settle(id: string, settlement: Settlement = { type: "complete", result: null }): void {
    const { node, p, task } = this.running.get(id)!;
    this.running.delete(id);
    const seq = ++this.#seq;
    this.push(node, { type: "settle", p, id, fence: task.fence, seq, upTo: 0, settlement });
  }

  run(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    for (; this.#nowMs < endMs; this.#nowMs += 10) {
      for (let isBusy = true; isBusy;) {
        isBusy = false;
        for (const [name, engine] of this.#engines) isBusy = this.#turn(name, engine) || isBusy;
      }
    }
  }

  #turn(name: string, engine: Engine): boolean {
    const inputs = this.#inbox.get(name)!.splice(0);
    if (inputs.length === 0 && engine.deadlineMs > this.#nowMs) return false;
    const sleptMs = this.sleptMs.get(name) ?? 0;
    const clock = { monoMs: this.#nowMs, leaseMs: this.#nowMs + sleptMs, wallMs: WALL_MS + this.#nowMs };
    for (const effect of engine.step(inputs, clock)) this.#do(name, effect);
    return true;
  }

  #do(node: string, effect: Effect): void {
    if (effect.type === "send") {
      for (const message of effect.messages) {
        if (message.type === "demand" && message.backlog > 0) this.demandTo.add(effect.to);
      }
      this.sent.push(...effect.messages);
      for (const message of effect.messages) {
        if (!this.loses(message) && !this.#isCut(node, effect.to)) {
          this.push(effect.to, { type: "message", from: node, message });
        }
      }
    } else if (effect.type === "start") {
      const { p, task } = effect;
      this.running.set(task.id, { node, p, task });
      this.starts.push(`${task.id}@${node}`);
    } else if (effect.type === "submitted") this.answers.push(effect.status);
    else if (effect.type === "outcome") this.ended.push(`${effect.outcome.id} ${effect.outcome.state}`);
    else if (effect.type === "commanded") {
      this.commanded.push(`${this.#commandedId.get(effect.rid)} ${effect.status}`);
    } else if (effect.type === "event" && effect.event.type === "ownership") {
      for (const { id, state, owner } of effect.event.changes) this.owned.push(`${id} ${state} ${owner}`);
    } else if (effect.type === "answer") {
      this.pages.push(effect.tasks.map(({ record }) => record.spec.id));
      this.#why.set(effect.rid, effect.tasks[0]?.why ?? "no such task");
    }
  }

  /** Of the node's copy of that partition; undefined when it was trimmed, or is not there yet. */
  entryAt(node: string, p: number, index: number): Entry | undefined {
    return this.#engines.get(node)!.entryAt(p, index);
  }

  /** Its number in the roster. */
  numberOf(node: string): number {
    return this.#engines.get(node)!.self;
  }

  /** Index of the last entry of the node's copy. */
  lastIndex(node: string, p: number): number {
    return this.#engines.get(node)!.logEnd(p).index;
  }

  /** Where it runs; "" when it does not. */
  whereIs(id: string): string {
    return this.running.get(id)?.node ?? "";
  }

  get wallMs(): number {
    return WALL_MS + this.#nowMs;
  }

  /** Why the task does not run. */
  why(id: string): string {
    const [first] = this.#engines.values();
    const rid = ++this.#rid;
    const [node] = this.#engines.keys();
    const query = { type: "get" as const, id };
    this.push(node!, { type: "query", rid, p: first!.partitionOf(id), query });
    this.run(50);
    return this.#why.get(rid) ?? "no answer";
  }
}
