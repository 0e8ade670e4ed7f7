/** The balancers on clusters that exist as numbers only. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fairBalancer } from "../../../../src/consumer/balancers/fair.ts";
import { meteredBalancer } from "../../../../src/consumer/balancers/metered.ts";
import { resourceBalancer } from "../../../../src/consumer/balancers/resource.ts";
import { dumbBalancer, sleepBalancer } from "../../../../src/consumer/balancers/simple.ts";
import { FakeCluster, NOW_MS, offered, released, running, tasks } from "../../../support/fake-cluster.ts";

// ---- fair ------------------------------------------------------------------------------------------------

const fairOf = (counts: readonly number[]): number => released(fairBalancer(), FakeCluster.of(counts)).length;

test("fair gives back what Metafora's gives back", () => {
  const table = [
    [[6, 0], 2],
    [[3, 0, 0], 1],
    [[20, 20, 0], 4],
    ...[[2, 0], [3, 1], [7, 5], [5, 5]].map((counts) => [counts, 0] as const),
    [[10, 2], 2],
    [[2, 10], 0],
    ...[[1], [9], [0, 9]].map((counts) => [counts, 0] as const),
  ] as const;
  expect(table.map(([counts]) => fairOf(counts))).toEqual(table.map(([, count]) => count));
});

test("fair gives nothing back when it would only move the surplus: {1,0}, {2,0,0}, {1,1,0}", () => {
  expect([[1, 0], [1, 1, 0], [1, 0, 0]].map(fairOf)).toEqual([0, 0, 0]);
  expect(fairOf([2, 0, 0])).toBe(1);
});

test("fair does not count nodes that drain, have stopped, are down or take nothing", () => {
  for (const state of ["draining", "stopped", "down"] as const) {
    expect(released(fairBalancer(), new FakeCluster(tasks(6), [{ state }]))).toEqual([]);
  }
  expect(released(fairBalancer(), new FakeCluster(tasks(6), [{ slots: 0 }]))).toEqual([]);
  const draining = new FakeCluster(tasks(6), [{}]);
  draining.nodes[0] = { ...draining.nodes[0]!, state: "draining" };
  expect(released(fairBalancer(), draining)).toEqual([]);
});

test("fair counts only the nodes that its option picks; a node that does not count keeps all", () => {
  const nodes = ({ name }: { name: string }): boolean => name !== "node-1";
  expect(released(fairBalancer({ nodes }), FakeCluster.of([9, 0]))).toEqual([]);
  expect(released(fairBalancer({ nodes }), FakeCluster.of([9, 0, 0])).length).toBe(4);
  expect(released(fairBalancer({ nodes: ({ self }) => !self }), FakeCluster.of([9, 0]))).toEqual([]);
});

test("fair takes the tasks that began last, none that is stopping and none that just began", () => {
  const own = ["a", "b", "c", "d", "e", "f"].map((id) => running(id));
  expect(released(fairBalancer(), new FakeCluster(own, [{}]))).toEqual(["f", "e"]);
  own[5] = running("f", { startedMs: NOW_MS - 10 });
  own[4] = running("e", { stopping: true });
  // e is on its way already: one more
  expect(released(fairBalancer(), new FakeCluster(own, [{}]))).toEqual(["d"]);
});

test("fair gives back no more than the others have room for", () => {
  expect(released(fairBalancer(), new FakeCluster(tasks(20), [{ tasks: 3, slots: 3 }]))).toEqual([]);
  expect(released(fairBalancer(), new FakeCluster(tasks(20), [{ slots: 2 }])).length).toBe(2);
});

const counts = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 12 });
const thresholds = fc.double({ min: 1, max: 3, noNaN: true });

test("fair never gives back more than it holds, and never leaves itself below the share", () => {
  fc.assert(fc.property(counts, thresholds, (counts, threshold) => {
    const ids = released(fairBalancer({ threshold }), FakeCluster.of(counts));
    const own = counts[0]!;
    const share = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeLessThanOrEqual(own);
    if (ids.length > 0) expect(own - ids.length).toBeGreaterThanOrEqual(share);
  }));
});

/** All nodes balance by what they see now; the least loaded of the others takes each task. */
function balanceAll(counts: readonly number[], threshold: number): { counts: number[]; moved: number } {
  const given = counts.map((_, no) => {
    const seen = [counts[no]!, ...counts.filter((_, at) => at !== no)];
    return released(fairBalancer({ threshold }), FakeCluster.of(seen)).length;
  });
  const after = counts.map((count, no) => count - given[no]!);
  for (const [from, count] of given.entries()) {
    for (let n = 0; n < count; n++) {
      const others = after.map((count, no) => no === from ? Infinity : count);
      after[others.indexOf(Math.min(...others))]!++;
    }
  }
  return { counts: after, moved: given.reduce((sum, count) => sum + count, 0) };
}

test("a second balance after the first moves nothing, whatever the counts", () => {
  fc.assert(fc.property(counts, thresholds, (counts, threshold) => {
    const first = balanceAll(counts, threshold);
    expect(balanceAll(first.counts, threshold).moved).toBe(0);
  }));
});

test("fair checks its options", () => {
  expect(() => fairBalancer({ threshold: 0.9 })).toThrow("threshold must be >= 1, got 0.9");
  expect(() => fairBalancer({ threshold: NaN })).toThrow("got NaN");
  expect(() => fairBalancer({ nodes: 7 as never })).toThrow("nodes must be a function, got number");
});

// ---- dumb, sleep -----------------------------------------------------------------------------------------

test("dumb begins everything and gives nothing back", () => {
  const balancer = dumbBalancer();
  expect([balancer.canClaim, balancer.balance]).toEqual([undefined, undefined]);
});

test("sleep begins a task later the more run here, and then does begin it", () => {
  const balancer = sleepBalancer();
  const cluster = FakeCluster.of([0]);
  balancer.init!(cluster);
  expect(balancer.canClaim!(offered("a"))).toBe(true);
  cluster.own = tasks(4);
  expect(balancer.canClaim!(offered("b"))).toEqual({ ignoreUntil: new Date(NOW_MS + 120) });
  cluster.nowMs += 119;
  expect(balancer.canClaim!(offered("b"))).toEqual({ ignoreUntil: new Date(NOW_MS + 120) });
  cluster.nowMs += 1;
  cluster.own = tasks(40);
  expect(balancer.canClaim!(offered("b"))).toBe(true);
  expect(balancer.canClaim!(offered("b"))).toEqual({ ignoreUntil: new Date(cluster.nowMs + 1200) });
  expect(() => sleepBalancer({ msPerTask: -1 })).toThrow("msPerTask must be from 0 to 3600000, got -1");
});

// ---- resource --------------------------------------------------------------------------------------------

test("resource begins nothing above the one limit and gives back its oldest above the other", () => {
  let used = 10;
  const reporter = { used: () => ({ used, total: 200 }) };
  const balancer = resourceBalancer({ claimLimit: 50, releaseLimit: 80, reporter });
  const cluster = FakeCluster.of([3, 0]);
  const at = (percent: number): [unknown, string[]] => {
    used = percent * 2;
    const ids = released(balancer, cluster);
    return [balancer.canClaim!(offered("x")), ids];
  };
  const refused = { ignoreUntil: new Date(NOW_MS + 1000) };
  expect(at(49)).toEqual([true, []]);
  expect(at(50)).toEqual([refused, []]);
  expect(at(79)).toEqual([refused, []]);
  expect(at(80)).toEqual([refused, ["t0"]]);
  cluster.own[0] = running("t0", { stopping: true });
  expect(at(100)).toEqual([refused, ["t1"]]);
});

test("resource checks its limits, and a reporter that returns nonsense is an error each time", () => {
  const reporter = { used: () => ({ used: 1, total: 1 }) };
  for (const [claimLimit, releaseLimit] of [[0, 50], [50, 101], [50, 50], [60, 50], [NaN, 50]] as const) {
    expect(() => resourceBalancer({ claimLimit, releaseLimit, reporter })).toThrow("Limit must be");
  }
  expect(() => resourceBalancer({ claimLimit: 1, releaseLimit: 2, reporter: {} as never })).toThrow("used()");
  const nonsense = { used: () => ({ used: 1, total: NaN }) };
  const balancer = resourceBalancer({ claimLimit: 1, releaseLimit: 2, reporter: nonsense });
  balancer.init!(FakeCluster.of([1]));
  for (let n = 0; n < 2; n++) expect(() => balancer.canClaim!(offered("x"))).toThrow("got 1, NaN");
});

// ---- metered ---------------------------------------------------------------------------------------------

const loaded = (loads: readonly number[], others: readonly number[]): FakeCluster =>
  new FakeCluster(
    loads.map((load, at) => running(`t${at}`, { load })),
    others.map((load) => ({ load, tasks: load === 0 ? 0 : 1 })),
  );

test("metered gives back until it is at the even share, the heaviest first, never below it", () => {
  const table: [number[], number[], string[]][] = [
    [[10, 10, 10, 10, 10, 10], [0], ["t0", "t1", "t2"]],
    [[8, 1, 1], [0], ["t1", "t2"]],
    [[5, 4, 3, 2, 1], [0], ["t0", "t3"]],
    [[10], [0], []],
    [[5, 5], [10], []],
    [[1], [10], []],
    [[0, 0, 0], [0], []],
    [[10, 0, 0], [0], []],
  ];
  for (const [own, others, ids] of table) {
    expect(released(meteredBalancer(), loaded(own, others))).toEqual(ids);
  }
});

test("metered counts what is on its way to another node until that one may have published it", () => {
  const balancer = meteredBalancer();
  const cluster = loaded([10, 10, 10, 10, 10, 10], [0]);
  balancer.init!(cluster);
  const ask = (): string[] => [...balancer.balance!() as string[]];
  expect(ask()).toEqual(["t0", "t1", "t2"]);
  cluster.own = cluster.own.slice(1);
  expect(ask()).toEqual(["t1", "t2"]);
  cluster.own = cluster.own.slice(2);
  expect(ask()).toEqual([]);
  cluster.nowMs += 20_000;
  expect(ask()).toEqual(["t3"]);
});

const loads = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 30 });

test("metered never leaves itself below the even share, whatever the loads", () => {
  fc.assert(fc.property(loads, loads, (own, others) => {
    const cluster = loaded(own, others);
    const ids = new Set(released(meteredBalancer(), cluster));
    const sum = (loads: readonly number[]): number => loads.reduce((sum, load) => sum + load, 0);
    const share = (sum(own) + sum(others)) / (others.length + 1);
    const rest = sum(cluster.own.filter(({ id }) => !ids.has(id)).map(({ load }) => load));
    if (ids.size > 0) expect(rest).toBeGreaterThanOrEqual(share * 0.999_999);
  }));
});

test("metered begins nothing while another one is less loaded, and takes new tasks for average ones", () => {
  const claims = (cluster: FakeCluster, count: number): boolean[] => {
    const balancer = meteredBalancer();
    balancer.init!(cluster);
    return Array.from({ length: count }, (_, at) => balancer.canClaim!(offered(`x${at}`)) === true);
  };
  expect(claims(loaded([10], [0]), 2)).toEqual([false, false]);
  expect(claims(loaded([10], [20]), 1)).toEqual([true]);
  // the first of them may well take it above the share
  expect(claims(loaded([], [0, 20]), 3)).toEqual([true, false, false]);
  // another one is less loaded, but full
  const full = loaded([10], [0]);
  full.nodes[1] = { ...full.nodes[1]!, tasks: 5, slots: 5 };
  expect(claims(full, 1)).toEqual([true]);
  expect(claims(loaded([], [0]), 3)).toEqual([true, true, true]);
  expect(() => meteredBalancer({ intervalMs: 1 })).toThrow("intervalMs must be from 10 to 86400000, got 1");
  expect(() => meteredBalancer({ threshold: 0 })).toThrow("threshold must be >= 1, got 0");
});
