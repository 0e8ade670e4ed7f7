/** How the consumer asks a balancer, and what becomes of what it says and throws. */
import { expect, test } from "bun:test";
import type { BalancerContext } from "../../../../src/consumer/balancers/balancer.ts";
import { sleepBalancer } from "../../../../src/consumer/balancers/simple.ts";
import type { KnownOffer, NodeInfo } from "../../../../src/coordinator/coordinator.ts";
import { hashText } from "../../../../src/protocol/context/ring.ts";
import type { GrantedTask } from "../../../../src/protocol/model/messages.ts";
import type { Placement, TaskOptions } from "../../../../src/protocol/model/types.ts";
import { BalancerBench as Bench, granted, START_MS } from "../../../support/balancer-bench.ts";

const refusal = (ms: number | null): { ignoreUntil: Date | null } => ({
  ignoreUntil: ms === null ? null : new Date(START_MS + ms),
});

// ---- what begins -----------------------------------------------------------------------------------------

test("a task that the balancer wants begins; without canClaim all do", () => {
  const seen: unknown[] = [];
  const bench = new Bench({ canClaim: (task) => (seen.push({ ...task, input: task.input }), true) });
  expect(bench.balancing.admit(granted("a"))).toBeNull();
  expect(seen).toEqual([{ id: "a", name: "n", attempt: 2, input: { of: "a" } }]);
  expect(new Bench({}).balancing.admit(granted("a"))).toBeNull();
});

test("a refusal is for so long; null is 0: until something changes", () => {
  const answers = [refusal(500), refusal(null), refusal(-500), { ignoreUntil: new Date(-5) }];
  const bench = new Bench({ canClaim: () => answers.shift()! });
  const forMs = ["a", "b", "c", "d"].map((id) => bench.balancing.admit(granted(id)));
  expect(forMs).toEqual([500, 0, 1, 1]);
  expect(bench.errors).toEqual([]);
});

test("a refused task is not offered to the balancer before its time, whoever offers it", async () => {
  const asked: string[] = [];
  const until: Record<string, number> = { a: 300, b: 100, c: 200 };
  const bench = new Bench({
    canClaim: ({ id }) => {
      asked.push(`${id} at ${Math.round(bench.time.nowMs)}`);
      return bench.time.nowMs < until[id]! ? refusal(until[id]!) : true;
    },
  });
  const admitted: string[] = [];
  // a steward that forgets offers them every 10 ms
  for (let ms = 0; ms <= 300; ms += 10) {
    for (const id of ["a", "b", "c"]) {
      if (!admitted.includes(id) && bench.balancing.admit(granted(id)) === null) admitted.push(id);
    }
    await bench.advance(10);
  }
  expect(admitted).toEqual(["b", "c", "a"]);
  expect(asked).toEqual(["a at 0", "b at 0", "c at 0", "b at 100", "c at 200", "a at 300"]);
});

test("a wall clock that jumps makes a refusal neither longer nor shorter", async () => {
  for (const jumpMs of [-3_600_000, 3_600_000]) {
    const answers = [refusal(10_000), true as const];
    const bench = new Bench({ canClaim: () => answers.shift()! });
    bench.balancing.admit(granted("a"));
    bench.wallError.ms = jumpMs;
    await bench.advance(4000);
    expect(bench.balancing.admit(granted("a"))).toBe(6000);
    await bench.advance(6000);
    expect(bench.balancing.admit(granted("a"))).toBeNull();
  }
});

test("two hundred tasks refused for a millisecond each, again and again, stop nothing", async () => {
  const ids = Array.from({ length: 200 }, (_, at) => `t${at}`);
  let asked = 0;
  const bench = new Bench({ canClaim: () => ++asked > 2000 ? true : refusal(bench.time.nowMs + 1) });
  let rounds = 0;
  for (let waiting = ids; waiting.length > 0; rounds++) {
    waiting = waiting.filter((id) => bench.balancing.admit(granted(id)) !== null);
    bench.balancing.balance();
    await bench.advance(1);
  }
  expect([rounds, asked]).toEqual([11, 2200]);
});

test("refusals are bounded: the oldest is forgotten", () => {
  let asked = 0;
  const bench = new Bench({ canClaim: () => (asked++, refusal(60_000)) });
  for (let n = 0; n < 10_001; n++) bench.balancing.admit(granted(`t${n}`));
  expect(bench.balancing.admit(granted("t1"))).toBe(60_000);
  expect(asked).toBe(10_001);
  bench.balancing.admit(granted("t0"));
  expect(asked).toBe(10_002);
});

test("canClaim that throws, or answers nonsense, is reported, and the task declined for a second", () => {
  const answers: (() => unknown)[] = [
    () => {
      throw new Error("broken");
    },
    () => false,
    () => Promise.resolve(true),
    () => ({ ignoreUntil: new Date(NaN) }),
    () => undefined,
  ];
  const bench = new Bench({ canClaim: () => answers.shift()!() as true });
  for (const id of ["a", "b", "c", "d", "e"]) {
    expect(bench.balancing.admit(granted(id))).toBe(1000);
  }
  expect(bench.errors.map(({ call, task }) => `${call} ${task}`)).toEqual(
    ["a", "b", "c", "d", "e"].map((id) => `canClaim ${id}`),
  );
  expect(String(bench.errors[0]!.error)).toBe("Error: broken");
  expect(String(bench.errors[1]!.error)).toContain(
    "must return true or { ignoreUntil: Date | null }, got false",
  );
});

test("sleep refuses once and then begins the task, however busy the node is", async () => {
  const bench = new Bench(sleepBalancer()).run("x", "y");
  expect(bench.balancing.admit(granted("a"))).toBe(60);
  bench.run("z");
  await bench.advance(60);
  expect(bench.balancing.admit(granted("a"))).toBeNull();
});

// ---- what goes elsewhere ---------------------------------------------------------------------------------

test("what it names is released one by one, and it is asked again before each", async () => {
  const answers = [["a", "b", "c"], ["c", "b"], ["b", "d"], ["d"]];
  const bench = new Bench({ balance: () => answers.shift()! }).run("a", "b", "c", "d");
  bench.balancing.balance();
  await bench.advance(1000);
  expect(bench.stops).toEqual([["a", 0], ["c", 100], ["b", 200]]);
  expect(answers).toEqual([["d"]]);
});

test("it stops early when the cluster is level", async () => {
  const answers = [["a", "b", "c"], []];
  const bench = new Bench({ balance: () => answers.shift()! }).run("a", "b", "c");
  bench.balancing.balance();
  await bench.advance(1000);
  expect(bench.stops.map(([id]) => id)).toEqual(["a"]);
});

test("what does not run here, or stops already, is passed over, even in an endless answer", async () => {
  const bench = new Bench({
    *balance() {
      yield* ["gone", "b", "b", 7 as never];
      for (let n = 0;; n++) yield `t${n}`;
    },
  }).run("a", "b");
  bench.endsAtOnce = false;
  bench.balancing.balance();
  await bench.advance(1000);
  bench.balancing.balance();
  await bench.advance(1000);
  expect(bench.stops).toEqual([["b", 0]]);
});

test("it is asked when the cluster has settled, not while it grows, nor when it shrinks", async () => {
  const asked: number[] = [];
  const bench = new Bench({ balance: () => (asked.push(bench.time.nowMs), []) });
  bench.emit("quorum");
  bench.emit("member", false);
  await bench.advance(10_000);
  expect(asked).toEqual([]);
  for (let n = 0; n < 4; n++) {
    bench.emit(n % 2 === 0 ? "member" : "offer");
    await bench.advance(2500);
  }
  expect(asked).toEqual([]);
  await bench.advance(2500);
  expect(asked.length).toBe(1);
  expect(asked[0]! - 17_500).toBeGreaterThanOrEqual(3000);
});

test("it is asked every 15 minutes, as often as it wants, or as the node's options say", async () => {
  const countOf = async (everyMs: number | null, own?: number): Promise<number> => {
    let asked = 0;
    const bench = new Bench({ balance: () => (asked++, []), ...(own ? { everyMs: own } : {}) }, { everyMs });
    await bench.advance(3_600_000);
    return asked;
  };
  expect(await countOf(null)).toBe(3);
  expect(await countOf(null, 600_000)).toBe(5);
  expect(await countOf(1_200_000, 600_000)).toBe(2);
});

test("while it is frozen only the command asks it", async () => {
  let asked = 0;
  const bench = new Bench({ balance: () => (asked++, []), everyMs: 60_000 });
  bench.isFrozen = true;
  bench.emit("member");
  await bench.advance(300_000);
  expect(asked).toBe(0);
  bench.balancing.balance();
  expect(asked).toBe(1);
});

test("a balancer that throws, or never answers, is reported, and asked again the next time", async () => {
  const answers: (() => unknown)[] = [
    () => {
      throw new Error("broken");
    },
    () => Promise.reject(new Error("late")),
    () => 7,
    () => new Promise(() => {}),
    () => ["a"],
  ];
  const bench = new Bench({ balance: () => answers.shift()!() as string[] }).run("a");
  for (let n = 0; n < 5; n++) {
    bench.balancing.balance();
    bench.balancing.balance();
    await bench.advance(29_000);
    expect(bench.errors.length).toBe(n === 3 ? 3 : Math.min(n + 1, 4));
    await bench.advance(2000);
  }
  expect(bench.errors.map(({ call }) => call)).toEqual(["balance", "balance", "balance", "balance"]);
  expect(String(bench.errors[3]!.error)).toContain("the balancer has not answered in 30000 ms");
  expect(bench.stops.map(([id]) => id)).toEqual(["a"]);
});

test("a node that stops asks no more and releases no more", async () => {
  const bench: Bench = new Bench({ balance: () => [...bench.attempts.keys()] }).run("a", "b");
  bench.balancing.balance();
  await bench.advance(50);
  bench.stopped.abort();
  bench.balancing.balance();
  await bench.advance(3_600_000);
  expect([bench.stops.length, bench.isListening]).toEqual([1, false]);
});

test("one balancer balances one node, and another one once that has stopped", () => {
  const balancer = sleepBalancer();
  const bench = new Bench(balancer);
  expect(() => new Bench(balancer)).toThrow("balancer must be its own, got one that another node has");
  bench.balancing.stop();
  new Bench(balancer);
});

// ---- what it sees ----------------------------------------------------------------------------------------

const placement = (more: Partial<Placement>): TaskOptions => ({
  priority: 0,
  retry: null,
  expiresMs: 0,
  lapsesMax: 5,
  placement: { requires: [], prefers: [], node: "", apart: "", ...more },
});

test("where a task could run is known by state, slots, handlers, labels and preferences", () => {
  let context: BalancerContext | null = null;
  const canRun = (
    other: Partial<NodeInfo>,
    offer: Partial<KnownOffer> | null,
    task = granted("a"),
  ): boolean => {
    let could = false;
    const bench = new Bench({
      init: (given) => context = given,
      canClaim: (offered) => (could = context!.canRun(context!.cluster()[1]!, offered), true),
    });
    const mine = { node: "me", self: true, labels: { zone: "x" } };
    bench.members = [mine, {
      node: "b",
      name: "bee",
      state: "up",
      tasks: 3,
      labels: {},
      self: false,
      ...other,
    }];
    if (offer) bench.offers.set("b", { slots: 4, handlers: [hashText("n")], rate: 0, tasks: 3, ...offer });
    bench.balancing.admit(task);
    return could;
  };
  expect([canRun({}, {}), canRun({}, { handlers: [] })]).toEqual([true, true]);
  expect(canRun({}, null)).toBe(false);
  expect(canRun({ state: "draining" }, {})).toBe(false);
  expect(canRun({}, { slots: 3 })).toBe(false);
  expect(canRun({}, { handlers: [hashText("m")] })).toBe(false);
  const needs = granted("a", placement({ requires: [{ key: "gpu", value: "1" }] }));
  expect([canRun({}, {}, needs), canRun({ labels: { gpu: "1" } }, {}, needs)]).toEqual([false, true]);
  const pinned = (node: string): GrantedTask => granted("a", placement({ node }));
  expect(["b", "bee", "me"].map((node) => canRun({}, {}, pinned(node)))).toEqual([true, true, false]);
  expect(canRun({}, {}, granted("a", placement({ apart: "k" })))).toBe(false);
  const likes = granted("a", placement({ prefers: [{ key: "zone", value: "x", weight: 5 }] }));
  expect([canRun({}, {}, likes), canRun({ labels: { zone: "x" } }, {}, likes)]).toEqual([false, true]);
});
