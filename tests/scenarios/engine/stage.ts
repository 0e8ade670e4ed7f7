/**
 * Three engines, one partition, a clock that only commands move, and a network that obeys: the stage of the
 * text scenarios. Everything is delivered at once and in order unless a command says otherwise.
 */
import type { Effect, Input } from "../../../src/protocol/model/contract.ts";
import { Engine } from "../../../src/protocol/engine.ts";
import type { Message } from "../../../src/protocol/model/messages.ts";
import { taskSpec } from "../../support/tasks.ts";

const NAMES = ["a", "b", "c"];
const STEP_MS = 10;

export class ScenarioCluster {
  readonly trace: string[] = [];
  readonly #engineByName: Map<string, Engine> = new Map();
  readonly #inbox: Map<string, Input[]> = new Map();
  readonly #stopped: Set<string> = new Set();
  readonly #cut: Set<string> = new Set();
  /** Types of message that are lost, and those that are kept for `replay`. */
  readonly #lost: Set<string> = new Set();
  readonly #kept: { readonly to: string; readonly from: string; readonly message: Message }[] = [];
  #keep = "";
  #nowMs = 0;
  #rid = 0;

  constructor() {
    NAMES.forEach((name, at) => {
      this.#engineByName.set(
        name,
        new Engine({
          self: name,
          name,
          labels: {},
          witness: false,
          boot: 1,
          expect: NAMES.length,
          foundAfterMs: 0,
          evictAfterMs: 30_000,
          nonce: "n",
          seed: at + 1,
          partitionCount: 1,
          replication: 3,
          leaseTtlMs: 4000,
          heartbeatMs: 1000,
          heartbeatAlongMs: 500,
          marginMs: 1000,
          clockRateBound: 0.01,
          electionMs: 2500,
          resendMs: 500,
          tickMs: 100,
          calmTickMs: 1000,
          retention: { completedMs: 3_600_000, failedMs: 604_800_000 },
          finishedPerPartitionMax: 100,
          logEntriesMax: 100,
          appendBytesMax: 65_536,
          snapshotChunkBytes: 1024,
          compactBytes: Infinity,
        }),
      );
      this.#inbox.set(name, [{ type: "capacity", slots: 2, handlers: ["h"], standing: "up" }]);
    });
    for (const name of NAMES) for (const peer of NAMES) if (name !== peer) this.#link(name, peer, true);
  }

  #link(name: string, peer: string, up: boolean): void {
    const candidate = { name: peer, labels: {}, witness: false, expect: NAMES.length };
    this.#inbox.get(name)!.push({ type: "peer", node: peer, up, candidate });
  }

  #say(text: string): void {
    this.trace.push(`${String(this.#nowMs).padStart(6)} ${text}`);
  }

  /** Runs one command line; unknown ones throw. */
  run(line: string): void {
    const [command, ...args] = line.split(" ");
    const [first = "", second = ""] = args;
    switch (command) {
      case "advance":
        return this.#advance(Number(first));
      case "submit":
        this.#inbox.get(first)!.push(this.#submit(second));
        return this.#advance(STEP_MS);
      case "settle":
        return this.#settle(first, second, args[2] ?? "complete");
      case "stop":
        this.#stopped.add(first);
        if (second === "dead") {
          for (const name of NAMES) {
            if (name !== first) this.#link(name, first, false);
          }
        }
        return;
      case "resume":
        this.#stopped.delete(first);
        return;
      case "cut":
        this.#cut.add(first);
        return;
      case "heal":
        this.#cut.delete(first);
        return;
      case "lose":
        this.#lost.add(first);
        return;
      case "deliver":
        this.#lost.delete(first);
        return;
      case "keep":
        this.#keep = first;
        return;
      case "replay":
        for (const { to, from, message } of this.#kept.splice(0)) {
          this.#inbox.get(to)!.push({ type: "message", from, message });
        }
        return this.#advance(STEP_MS);
      default:
        throw new Error(`Cannot run the scenario: unknown command "${line}"`);
    }
  }

  #submit(id: string): Input {
    const spec = taskSpec(id, { payload: new Uint8Array(1) });
    return { type: "submit", rid: ++this.#rid, spec, watch: true, ageMs: 0 };
  }

  get #wallMs(): number {
    return 1_800_000_000_000 + this.#nowMs;
  }

  /** The node reports the end of a task under the fence of its last start there. */
  readonly #fences: Map<string, number> = new Map();
  #settle(name: string, id: string, type: string): void {
    const fence = this.#fences.get(`${name} ${id}`) ?? 0;
    const settlement = type === "release"
      ? { type: "release" as const }
      : { type: "complete" as const, result: null };
    this.#inbox.get(name)!.push({ type: "settle", p: 0, id, fence, upTo: 0, seq: 1, settlement });
    this.#advance(STEP_MS);
  }

  #advance(ms: number): void {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.#nowMs += STEP_MS;
      for (let isBusy = true; isBusy;) {
        isBusy = false;
        for (const [name, engine] of this.#engineByName) isBusy = this.#step(name, engine) || isBusy;
      }
    }
  }

  #step(name: string, engine: Engine): boolean {
    const inbox = this.#inbox.get(name)!;
    if (this.#stopped.has(name) || (inbox.length === 0 && engine.deadlineMs > this.#nowMs)) return false;
    const clock = { monoMs: this.#nowMs, leaseMs: this.#nowMs, wallMs: this.#wallMs };
    for (const effect of engine.step(inbox.splice(0), clock)) this.#effect(name, effect);
    return true;
  }

  #effect(name: string, effect: Effect): void {
    switch (effect.type) {
      case "send":
        for (const message of effect.messages) this.#carry(name, effect.to, message);
        return;
      case "start":
        this.#fences.set(`${name} ${effect.task.id}`, effect.task.fence);
        return this.#say(
          `${name} start ${effect.task.id} fence ${effect.task.fence} attempt ${effect.task.attempt}`,
        );
      case "abort":
      case "lost":
        return this.#say(`${name} ${effect.type} ${effect.id} fence ${effect.fence}${reasonOf(effect)}`);
      case "settled":
        return this.#say(
          `${name} ${effect.accepted ? "accepted" : "REFUSED"} ${effect.id} fence ${effect.fence}`,
        );
      case "submitted":
        return this.#say(`${name} submitted ${effect.status}`);
      case "outcome":
        return this.#say(
          `${name} outcome ${effect.outcome.id} ${effect.outcome.state} fence ${effect.outcome.fence}`,
        );
      case "event":
        return this.#event(name, effect.event);
      default:
        return;
    }
  }

  #event(name: string, event: Extract<Effect, { type: "event" }>["event"]): void {
    if (event.type === "steward") this.#say(`${name} hears that ${event.node} is the steward`);
    else if (event.type === "condemned") this.#say(`${name} condemns ${event.node}`);
    else if (event.type === "quorum") this.#say(`${name} quorum ${event.held ? "regained" : "lost"}`);
    else if (event.type === "roster" || event.type === "ready") this.#say(`${name} ${event.type}`);
  }

  #carry(from: string, to: string, message: Message): void {
    if (this.#cut.has(from) || this.#cut.has(to)) return;
    if (message.type === this.#keep) this.#kept.push({ to, from, message });
    if (this.#lost.has(message.type)) return;
    this.#inbox.get(to)!.push({ type: "message", from, message });
  }
}

function reasonOf(effect: Effect): string {
  return effect.type === "lost" ? ` ${effect.reason}` : "";
}
