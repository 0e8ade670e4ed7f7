/** The host of the engine, with an engine that does what the test says. */
import { expect, test } from "bun:test";
import { EngineHost, type Steppable } from "../../../src/coordinator/engine-host.ts";
import type { Effect, Input } from "../../../src/protocol/model/contract.ts";
import type { GrantedTask } from "../../../src/protocol/model/messages.ts";
import type { Store } from "../../../src/store/store.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";

const PERSIST: Effect = { type: "persist", records: [] };
const TASK: GrantedTask = {
  ...{
    no: 1,
    id: "t",
    fence: 1,
    attempt: 1,
    name: "n",
    payload: new Uint8Array(),
    attemptsMax: 0,
    options: null,
  },
  ...{ errorAgesMs: [], checkpoint: null, expiresAtMs: 0, isOnProbation: false },
};
const submitted = (rid: number): Effect => ({ type: "submitted", rid, status: "created" });
const start = (fence: number): Effect => ({ type: "start", p: 1, task: { ...TASK, fence } });
const abort = (fence: number): Effect => ({ type: "abort", p: 1, id: "t", fence });
const lost = (fence: number): Effect => ({ type: "lost", p: 1, id: "t", fence, reason: "lapsed" });
const unwatch = (id: string): Input => ({ type: "unwatch", id });

class FakeEngine implements Steppable {
  deadlineMs = Infinity;
  readonly steps: (readonly Input[])[] = [];
  effects: Effect[] = [];
  fails: Error | undefined;

  restore(): void {}

  step(inputs: readonly Input[]): Effect[] {
    if (this.fails) throw this.fails;
    this.steps.push(inputs);
    this.deadlineMs = Infinity;
    return this.effects.splice(0);
  }
}

interface Setup {
  readonly engine: FakeEngine;
  readonly host: EngineHost;
  readonly ran: number[];
  /** All effects that ran, as words. */
  readonly allRan: string[];
  readonly broken: unknown[];
}

function setUp(store: Store = memoryStore()): Setup {
  const engine = new FakeEngine();
  const ran: number[] = [];
  const allRan: string[] = [];
  const broken: unknown[] = [];
  const host = new EngineHost({
    engine,
    store,
    clock: { read: () => ({ monoMs: performance.now(), leaseMs: performance.now(), wallMs: Date.now() }) },
    run: (effect) => {
      if (effect.type === "submitted") ran.push(effect.rid);
      allRan.push(wordsOf(effect));
    },
    afterRun: () => {},
    onBroken: (error) => broken.push(error),
  });
  return { engine, host, ran, allRan, broken };
}

function wordsOf(effect: Effect): string {
  if (effect.type === "start") return `start ${effect.task.fence}`;
  if (effect.type === "abort" || effect.type === "lost") return `${effect.type} ${effect.fence}`;
  if (effect.type === "send") return `send ${effect.to}`;
  return effect.type === "submitted" ? `submitted ${effect.rid}` : effect.type;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("all that is pushed in one turn is one step", async () => {
  const { engine, host } = setUp();
  host.push(unwatch("a"));
  host.push(unwatch("b"));
  await turn();
  expect(engine.steps).toEqual([[unwatch("a"), unwatch("b")]]);
  host.stop();
});

/** A store that is as slow as the test wants. */
function slowStore(): { readonly store: Store; readonly writes: number[]; readonly durable: (() => void)[] } {
  const durable: (() => void)[] = [];
  const writes: number[] = [];
  const append: Store["append"] = (records, onDurable) => {
    writes.push(records.length);
    durable.push(onDurable);
  };
  return { store: { ...memoryStore(), append }, writes, durable };
}

test("effects behind a persist wait until it is durable, those of later steps too", async () => {
  const { store, durable } = slowStore();
  const { engine, host, ran } = setUp(store);
  engine.effects = [submitted(1), PERSIST, submitted(2), PERSIST, submitted(3)];
  await turn();
  engine.effects = [submitted(4)];
  host.push(unwatch("a"));
  await turn();
  expect(ran).toEqual([1]);
  durable.shift()?.();
  expect(ran).toEqual([1, 2, 3, 4]);
  host.stop();
});

test("all that is persisted while the store is at work is one write", async () => {
  const { store, writes, durable } = slowStore();
  const { engine, host, ran } = setUp(store);
  const fact: Effect = { type: "persist", records: [{ type: "install", p: 1, cfg: 1 }] };
  engine.effects = [fact, submitted(1)];
  await turn();
  for (const rid of [2, 3, 4]) {
    engine.effects = [submitted(10 + rid), fact, submitted(rid)];
    host.push(unwatch("a"));
    await turn();
  }
  durable.shift()?.();
  expect({ writes, ran }).toEqual({ writes: [1, 3], ran: [1, 12] });
  durable.shift()?.();
  expect(ran).toEqual([1, 12, 2, 13, 3, 14, 4]);
  host.stop();
});

test("a handler learns of a lease that ends although the disk hangs", async () => {
  const { store, durable } = slowStore();
  const { engine, host, allRan } = setUp(store);
  engine.effects = [PERSIST, submitted(1)];
  await turn();
  engine.effects = [abort(5), lost(5)];
  host.push(unwatch("a"));
  await turn();
  expect(allRan).toEqual(["abort 5", "lost 5"]);
  durable.shift()?.();
  expect(allRan).toEqual(["abort 5", "lost 5", "submitted 1"]);
  host.stop();
});

test("a handler whose lease was lost before it started does not start", async () => {
  const { store, durable } = slowStore();
  const { engine, host, allRan } = setUp(store);
  engine.effects = [PERSIST, start(5), start(6), abort(5), abort(6)];
  await turn();
  engine.effects = [lost(5)];
  host.push(unwatch("a"));
  await turn();
  expect(allRan).toEqual(["lost 5"]);
  durable.shift()?.();
  expect(allRan).toEqual(["lost 5", "start 6", "abort 6"]);
  host.stop();
});

test("a disk that hangs for long keeps the newest messages only", async () => {
  const { store, durable } = slowStore();
  const { engine, host, allRan } = setUp(store);
  const send = (to: string): Effect => ({ type: "send", to, messages: [] });
  engine.effects = [PERSIST, submitted(1), ...Array.from({ length: 20_001 }, (_, at) => send(String(at)))];
  await turn();
  durable.shift()?.();
  expect([allRan.length, ...allRan.slice(0, 2)]).toEqual([20_001, "submitted 1", "send 1"]);
  host.stop();
});

test("a store that needs no waiting costs no turn", async () => {
  const { engine, host, ran } = setUp();
  engine.effects = [submitted(1), PERSIST, submitted(2)];
  await turn();
  expect(ran).toEqual([1, 2]);
  host.stop();
});

test("the engine is woken at its deadline without any input", async () => {
  const { engine, host } = setUp();
  const woken = Promise.withResolvers<void>();
  const step = engine.step.bind(engine);
  engine.step = (inputs) => {
    const effects = step(inputs);
    if (engine.steps.length === 1) engine.deadlineMs = performance.now() + 5;
    else woken.resolve();
    return effects;
  };
  await woken.promise;
  expect(engine.steps).toEqual([[], []]);
  host.stop();
});

test("an engine that throws takes no further step", async () => {
  const { engine, host, broken } = setUp();
  engine.fails = new Error("broken invariant");
  await turn();
  host.push(unwatch("a"));
  await turn();
  expect(broken).toEqual([engine.fails]);
  expect(engine.steps).toEqual([]);
});

test("a stopped host runs nothing any more", async () => {
  const { engine, host, ran } = setUp();
  engine.effects = [submitted(1)];
  host.stop();
  host.push(unwatch("a"));
  await turn();
  expect({ ran, steps: engine.steps }).toEqual({ ran: [], steps: [] });
});

test("writes are counted with the time that they take, and one at work says for how long", async () => {
  const acks: (() => void)[] = [];
  const store: Store = { ...memoryStore(), append: (_records, done) => void acks.push(done) };
  const { engine, host } = setUp(store);
  await turn();
  expect(host.commits).toEqual({ count: 0, totalMs: 0, pendingMs: 0 });
  engine.effects.push(PERSIST);
  host.push(unwatch("a"));
  await turn();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(host.commits).toMatchObject({ count: 1, totalMs: 0 });
  expect(host.commits.pendingMs).toBeGreaterThanOrEqual(15);
  acks[0]!();
  expect(host.commits.pendingMs).toBe(0);
  expect(host.commits.totalMs).toBeGreaterThanOrEqual(15);
  host.stop();
});
