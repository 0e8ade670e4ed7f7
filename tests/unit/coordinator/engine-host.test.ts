/** The host of the engine, with an engine that does as it is told. */
import { expect, test } from "bun:test";
import { EngineHost, type Steppable } from "../../../src/coordinator/engine-host.ts";
import type { Effect, Input } from "../../../src/protocol/api.ts";
import type { Store } from "../../../src/store/store.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";

const PERSIST: Effect = { type: "persist", records: [] };
const submitted = (rid: number): Effect => ({ type: "submitted", rid, status: "created" });
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
  readonly broken: unknown[];
}

function setUp(store: Store = memoryStore()): Setup {
  const engine = new FakeEngine();
  const ran: number[] = [];
  const broken: unknown[] = [];
  const host = new EngineHost({
    engine,
    store,
    clock: { read: () => ({ monoMs: performance.now(), leaseMs: performance.now(), wallMs: Date.now() }) },
    run: (effect) => {
      if (effect.type === "submitted") ran.push(effect.rid);
    },
    afterRun: () => {},
    onBroken: (error) => broken.push(error),
  });
  return { engine, host, ran, broken };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("all that is pushed in one turn is one step", async () => {
  const { engine, host } = setUp();
  host.start();
  host.push(unwatch("a"));
  host.push(unwatch("b"));
  await turn();
  expect(engine.steps).toEqual([[unwatch("a"), unwatch("b")]]);
  host.stop();
});

test("effects behind a persist wait until it is durable, those of later steps too", async () => {
  const durable: (() => void)[] = [];
  const store: Store = { ...memoryStore(), append: (_records, onDurable) => durable.push(onDurable) };
  const { engine, host, ran } = setUp(store);
  engine.effects = [submitted(1), PERSIST, submitted(2), PERSIST, submitted(3)];
  host.start();
  await turn();
  engine.effects = [submitted(4)];
  host.push(unwatch("a"));
  await turn();
  expect(ran).toEqual([1]);
  durable.shift()?.();
  expect(ran).toEqual([1, 2]);
  durable.shift()?.();
  expect(ran).toEqual([1, 2, 3, 4]);
  host.stop();
});

test("a store that needs no waiting costs no turn", async () => {
  const { engine, host, ran } = setUp();
  engine.effects = [submitted(1), PERSIST, submitted(2)];
  host.start();
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
  host.start();
  await woken.promise;
  expect(engine.steps).toEqual([[], []]);
  host.stop();
});

test("an engine that throws takes no further step", async () => {
  const { engine, host, broken } = setUp();
  engine.fails = new Error("broken invariant");
  host.start();
  await turn();
  host.push(unwatch("a"));
  await turn();
  expect(broken).toEqual([engine.fails]);
  expect(engine.steps).toEqual([]);
});

test("a stopped host runs nothing any more", async () => {
  const { engine, host, ran } = setUp();
  engine.effects = [submitted(1)];
  host.start();
  host.stop();
  host.push(unwatch("a"));
  await turn();
  expect({ ran, steps: engine.steps }).toEqual({ ran: [], steps: [] });
});
