/** Founders of one that meet: the empty one yields, what has recorded something never does. */
import { expect, test } from "bun:test";
import type {
  Effect,
  EngineEvent,
  EngineOptions,
  Input,
  PersistRecord,
} from "../../../../src/protocol/model/contract.ts";
import { Engine } from "../../../../src/protocol/engine.ts";
import { Context } from "../../../../src/protocol/context/context.ts";
import type { Roster } from "../../../../src/protocol/model/types.ts";
import { Joining } from "../../../../src/protocol/roster/joining.ts";
import { engineOptions } from "../../../../src/coordinator/settings.ts";
import { nodeSettings } from "../../../../src/node/options.ts";
import { memoryStore } from "../../../../src/store/memory-store.ts";
import { RESEND_MS, RoleStage } from "../../../support/roles.ts";
import { taskSpec } from "../../../support/tasks.ts";

/** Engines that hear each other at once, unless they are apart. */
class Bench {
  readonly events: (EngineEvent & { readonly at: string })[] = [];
  readonly records: PersistRecord[] = [];
  readonly engines: Map<string, Engine> = new Map();
  readonly #inbox: Map<string, Input[]> = new Map();
  /** Nothing reaches this one, and nothing comes from it. */
  apart = "";
  #nowMs = 0;

  add(id: string, options: Partial<EngineOptions> = {}): Engine {
    const settings = nodeSettings({ name: id, partitions: 4, mdns: false });
    const defaults = engineOptions(id, settings, memoryStore());
    const engine = new Engine({ ...defaults, nonce: "n", seed: this.engines.size + 1, ...options });
    this.engines.set(id, engine);
    this.#inbox.set(id, []);
    return engine;
  }

  push(id: string, input: Input): void {
    this.#inbox.get(id)!.push(input);
  }

  meet(a: string, b: string): void {
    for (const [node, peer] of [[a, b], [b, a]] as const) {
      const candidate = { name: peer, labels: {}, witness: false, expect: 1 };
      this.push(node, { type: "peer", node: peer, up: true, candidate });
    }
  }

  run(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    for (; this.#nowMs < endMs; this.#nowMs += 20) {
      for (const [id, engine] of this.engines) this.#turn(id, engine);
    }
  }

  #turn(id: string, engine: Engine): void {
    const inputs = this.#inbox.get(id)!.splice(0);
    if (inputs.length === 0 && engine.deadlineMs > this.#nowMs) return;
    const now = this.#nowMs;
    for (const effect of engine.step(inputs, { monoMs: now, leaseMs: now, wallMs: 1e12 + now })) {
      this.#do(id, effect);
    }
  }

  #do(id: string, effect: Effect): void {
    if (effect.type === "persist") this.records.push(...effect.records);
    if (effect.type === "event") this.events.push({ ...effect.event, at: id });
    if (effect.type !== "send" || this.apart === id || this.apart === effect.to) return;
    for (const message of effect.messages) this.push(effect.to, { type: "message", from: id, message });
  }

  membersAt(id: string): readonly string[] {
    return (this.engines.get(id)!.roster?.members ?? []).map((member) => member.id);
  }

  submit(at: string, id: string): void {
    this.push(at, { type: "submit", ageMs: 0, rid: 1, watch: false, spec: taskSpec(id) });
  }
}

test("of two founders that have recorded nothing the one with the larger id yields", () => {
  const bench = new Bench();
  bench.add("a");
  bench.add("b");
  bench.run(500);
  const founder = bench.engines.get("a")!.roster!.cluster;
  expect(bench.engines.get("b")!.roster!.cluster).not.toBe(founder);
  bench.meet("a", "b");
  bench.run(6000);
  expect(bench.membersAt("b")).toEqual(["a", "b"]);
  expect(bench.engines.get("b")!.roster!.cluster).toBe(founder);
  expect(bench.events).toContainEqual(expect.objectContaining({ type: "left", why: "yielded", at: "b" }));
  for (let p = 0; p < 4; p++) expect(bench.engines.get("b")!.isServing(p)).toBe(true);
});

test("a founder that has recorded something does not yield, the other one does", () => {
  const bench = new Bench();
  bench.add("a");
  bench.add("b");
  bench.run(500);
  bench.submit("b", "task");
  bench.run(100);
  const founder = bench.engines.get("b")!.roster!.cluster;
  bench.meet("a", "b");
  bench.run(6000);
  expect(bench.membersAt("a")).toEqual(["b", "a"]);
  expect(bench.engines.get("a")!.roster!.cluster).toBe(founder);
});

test("two that have recorded something stay what they are", () => {
  const bench = new Bench();
  bench.add("a");
  bench.add("b");
  bench.run(500);
  bench.submit("a", "task");
  bench.submit("b", "task");
  bench.run(100);
  bench.meet("a", "b");
  bench.run(6000);
  expect(bench.membersAt("a")).toEqual(["a"]);
  expect(bench.membersAt("b")).toEqual(["b"]);
});

test("a node that is only to join founds nothing, and joins when it can", () => {
  const bench = new Bench();
  bench.add("a");
  bench.add("j", { foundAfterMs: Infinity });
  bench.run(10_000);
  expect(bench.engines.get("j")!.roster).toBe(null);
  bench.meet("a", "j");
  bench.run(6000);
  expect(bench.membersAt("j")).toEqual(["a", "j"]);
});

test("a node with another number of partitions is refused with the reason", () => {
  const bench = new Bench();
  bench.add("a");
  bench.add("j", { foundAfterMs: Infinity, partitionCount: 8 });
  bench.run(500);
  bench.meet("a", "j");
  bench.run(3000);
  const refused = bench.events.find((event) => event.type === "refused");
  expect(refused).toMatchObject({ at: "j", reason: expect.stringContaining("4 partitions") });
});

test("a second node of a name that is in use is refused by name", () => {
  const bench = new Bench();
  bench.add("a");
  bench.add("j", { foundAfterMs: Infinity, name: "a" });
  bench.run(500);
  bench.meet("a", "j");
  bench.run(3000);
  const refused = bench.events.find((event) => event.type === "refused");
  expect(refused).toMatchObject({ at: "j", reason: expect.stringContaining('named "a"') });
  expect(bench.membersAt("a")).toEqual(["a"]);
});

test("a founder that was evicted founds nothing again, however long it is alone", () => {
  const bench = new Bench();
  bench.add("a", { evictAfterMs: 8000 });
  for (const id of ["b", "c"]) bench.add(id, { foundAfterMs: Infinity, evictAfterMs: 8000 });
  bench.run(500);
  for (const [x, y] of [["a", "b"], ["a", "c"], ["b", "c"]] as const) bench.meet(x, y);
  bench.run(8000);
  expect(bench.membersAt("a")).toEqual(["a", "b", "c"]);
  bench.apart = "a";
  bench.run(20_000);
  expect(bench.membersAt("b")).toEqual(["b", "c"]);
  bench.apart = "";
  for (let i = 0; i < 300 && bench.engines.get("a")!.roster; i++) bench.run(20);
  expect(bench.events).toContainEqual(expect.objectContaining({ type: "left", why: "evicted", at: "a" }));
  bench.apart = "a";
  bench.run(30_000);
  expect(bench.engines.get("a")!.roster).toBe(null);
  bench.apart = "";
  bench.run(10_000);
  expect(bench.membersAt("a")).toEqual(["b", "c", "a"]);
  expect(bench.engines.get("a")!.self).toBe(4);
});

test("who acked a founding and was put out of its cluster before it heard of it can leave", () => {
  const bench = new Bench();
  bench.add("a");
  bench.run(500);
  const founding = bench.records.find(({ type }) => type === "founding")!;
  // it crashed after its ack, and comes back to leave
  bench.add("b").restore([founding]);
  bench.push("b", { type: "leave", isPatient: false });
  bench.meet("a", "b");
  bench.run(10_000);
  expect(bench.membersAt("a")).toEqual(["a"]);
  expect(bench.events).toContainEqual(expect.objectContaining({ type: "left", why: "left", at: "b" }));
});

/** A node in no cluster that is connected to m1, m2 and m3, and what it asks whom. */
class Outsider {
  readonly stage = new RoleStage({ memberCount: 4 });
  readonly joining: Joining;
  readonly #roster: Roster = this.stage.context.roster!;
  readonly #context: Context = new Context({ ...this.stage.context.options, self: "out" }, undefined);

  constructor() {
    this.#context.clock = this.stage.context.clock;
    for (const id of ["m1", "m2", "m3"]) this.#context.connected.add(id);
    this.joining = new Joining(this.#context, {
      adopt: () => {},
      follow: () => {},
      yieldTo: () => {},
      isSettled: false,
      isLeaving: false,
      greet: () => {},
      gone: () => {},
    });
  }

  hears(cluster: string, epoch: number, decider: number, isSettled = true): void {
    const roster = { ...this.#roster, cluster, epoch, deciders: [decider] };
    this.joining.onRoster("m1", { type: "roster", roster, isSettled });
  }

  /** Whom it asks to be let in the next time that it asks. */
  asks(): readonly string[] {
    this.stage.pass(RESEND_MS);
    this.#context.clock = this.stage.context.clock;
    this.joining.tick();
    return this.#context.takeEffects().flatMap((effect) => effect.type === "send" ? [effect.to] : []);
  }
}

test("a node asks those who decide by the newest roster that it has heard of", () => {
  const node = new Outsider();
  node.hears("c", 1, 1);
  expect(node.asks()).toEqual(["m1"]);
  node.hears("c", 3, 3);
  expect(node.asks()).toEqual(["m3"]);
  node.hears("c", 2, 2);
  expect(node.asks()).toEqual(["m3"]);
});

test("it turns to another cluster only from one that has recorded nothing, and if that one has", () => {
  const node = new Outsider();
  node.hears("new", 1, 1, false);
  node.hears("newer", 9, 2, false);
  expect(node.asks()).toEqual(["m1"]);
  node.hears("settled", 1, 2);
  expect(node.asks()).toEqual(["m2"]);
  node.hears("also settled", 9, 3);
  expect(node.asks()).toEqual(["m2"]);
});
