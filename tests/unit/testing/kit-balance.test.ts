/** Balancers in whole clusters, on virtual time. */
import { expect, test } from "bun:test";
import {
  type Balancer,
  type ClusterNode,
  defineTask,
  dumbBalancer,
  fairBalancer,
  meteredBalancer,
  type NodeInfo,
  type TaskDefinition,
} from "../../../mod.ts";
import { simulate, type SimulatedCluster } from "../../../src/testing/kit.ts";

const hold: TaskDefinition<number> = defineTask<number>({ name: "hold" });
const WITNESS = 2;

interface Setup {
  readonly balancer: (no: number) => Balancer;
  readonly taskCount: number;
  readonly labels?: (no: number) => Record<string, string>;
  /** Of the task with a number. */
  readonly load?: (input: number) => number;
  /** Of a handler whose signal aborted. */
  readonly endsAfterMs?: number;
}

/** Node 0 runs all tasks, then node 1 comes back; node 2 is a witness. */
async function oneThenTwo(setup: Setup): Promise<SimulatedCluster> {
  const { balancer, taskCount, labels = () => ({}), load, endsAfterMs = 0 } = setup;
  const cluster = simulate({
    options: (no) => ({
      balancer: balancer(no),
      balanceEveryMs: 15_000,
      labels: labels(no),
      witness: no === WITNESS,
    }),
  });
  cluster.handle(hold, async (task, ctx) => {
    if (load) ctx.load(load(task.input));
    await cluster.delay(1e9, ctx.signal).catch(() => {});
    await cluster.delay(endsAfterMs);
  });
  await cluster.ready();
  cluster.crash(1);
  await cluster.advance(6000);
  for (let n = 0; n < taskCount; n++) await cluster.submit(hold, n, { id: `t${n}` });
  await cluster.until(() => ownersOf(cluster).size === taskCount);
  await cluster.advance(20_000);
  cluster.restart(1);
  await cluster.until(() => stateOf(cluster, 1) === "up");
  // its news have come, and no balancer has been asked yet
  await cluster.advance(2500);
  return cluster;
}

function ownersOf(cluster: SimulatedCluster): Map<string, number> {
  const open = cluster.runs().filter((run) => run.end === "running" && run.abortedMs === null);
  return new Map(open.map(({ task, node }) => [task, node]));
}

function countsOf(cluster: SimulatedCluster): number[] {
  const owners = [...ownersOf(cluster).values()];
  return [0, 1].map((no) => owners.filter((owner) => owner === no).length);
}

function stateOf(cluster: SimulatedCluster, no: number): NodeInfo["state"] | undefined {
  return cluster.node(0).nodes().find(({ name }) => name === `node-${no}`)?.state;
}

const onCommand = (): Balancer => fairBalancer();

test("six tasks and a second node: four and two, and a second balance moves nothing", async () => {
  await using cluster = await oneThenTwo({ balancer: onCommand, taskCount: 6 });
  expect(countsOf(cluster)).toEqual([6, 0]);
  for (const node of cluster.nodes) node.balance();
  await cluster.advance(400);
  const after = ownersOf(cluster);
  expect(countsOf(cluster)).toEqual([4, 2]);
  for (let n = 0; n < 3; n++) {
    for (const node of cluster.nodes) node.balance();
    await cluster.advance(5000);
  }
  expect(ownersOf(cluster)).toEqual(after);
  expect(cluster.runs().length).toBe(8);
  expect(cluster.runs().filter(({ attempt }) => attempt > 1).map(({ task }) => task)).toEqual(["t5", "t4"]);
  cluster.noOverlap();
});

test("a second balance moves nothing either while handlers take their time to end", async () => {
  await using cluster = await oneThenTwo({ balancer: onCommand, taskCount: 6, endsAfterMs: 3000 });
  for (let n = 0; n < 12; n++) {
    cluster.node(0).balance();
    await cluster.advance(250);
  }
  await cluster.advance(5000);
  expect([countsOf(cluster), cluster.runs().length]).toEqual([[4, 2], 8]);
});

test("a node that joins is given its share without a command, once it has settled", async () => {
  await using cluster = await oneThenTwo({ balancer: onCommand, taskCount: 20 });
  expect(countsOf(cluster)).toEqual([20, 0]);
  await cluster.advance(6000);
  expect(countsOf(cluster)).toEqual([12, 8]);
  await cluster.advance(60_000);
  expect([countsOf(cluster), cluster.runs().length]).toEqual([[12, 8], 28]);
});

test("without a balancer a node that joins is given nothing of what runs", async () => {
  await using cluster = await oneThenTwo({ balancer: dumbBalancer, taskCount: 6 });
  for (const node of cluster.nodes) node.balance();
  await cluster.advance(60_000);
  expect([countsOf(cluster), cluster.runs().length]).toEqual([[6, 0], 6]);
});

test("a canary that the filter leaves out is given nothing: nine and none stays", async () => {
  const nodes = ({ labels }: ClusterNode): boolean => labels.kind !== "canary";
  await using cluster = await oneThenTwo({
    balancer: () => fairBalancer({ nodes }),
    taskCount: 9,
    labels: (no) => no === 1 ? { kind: "canary" } : {},
  });
  for (const node of cluster.nodes) node.balance();
  await cluster.advance(60_000);
  expect([countsOf(cluster), cluster.runs().length]).toEqual([[9, 0], 9]);
});

test("a node that drains is not counted: five and one, then six and none", async () => {
  let mayEnd = false;
  const stubborn: TaskDefinition = defineTask({ name: "stubborn" });
  await using cluster = await oneThenTwo({ balancer: onCommand, taskCount: 5 });
  const tasks = (): number[] => cluster.node(2).nodes().slice(0, 2).map((info) => info.tasks);
  cluster.node(1).handle(stubborn, async () => {
    while (!mayEnd) await cluster.delay(100);
  });
  const drained = cluster.submit(stubborn, null).then(() => cluster.node(1).drain());
  await cluster.until(() => stateOf(cluster, 1) === "draining" && tasks()[1] === 1);
  cluster.node(0).balance();
  await cluster.advance(60_000);
  expect(tasks()).toEqual([5, 1]);
  mayEnd = true;
  cluster.node(0).handle(stubborn, () => cluster.delay(1e9));
  await cluster.until(drained);
  cluster.node(0).balance();
  await cluster.advance(60_000);
  expect([tasks(), cluster.runs().length]).toEqual([[6, 0], 5]);
});

test("a node without a handler for the tasks, and a node that is full, are given none", async () => {
  await using cluster = simulate({ options: (no) => ({ capacity: no === 1 ? 2 : 100 }) });
  await cluster.ready();
  const run = (): Promise<void> => cluster.delay(1e9);
  cluster.node(0).handle(hold, run);
  for (let n = 0; n < 12; n++) await cluster.submit(hold, n);
  await cluster.until(() => cluster.node(0).nodes()[0]!.tasks === 12);
  cluster.node(2).handle(defineTask({ name: "another" }), run);
  await cluster.advance(20_000);
  const tasks = (): number[] => cluster.node(0).nodes().map(({ tasks }) => tasks);
  expect(tasks()).toEqual([12, 0, 0]);
  cluster.node(1).handle(hold, run);
  // a handler that was added later is a change, too
  await cluster.advance(20_000);
  expect(tasks()).toEqual([12, 0, 0]);
});

const LOADS = [50, 20, 10, 10, 5, 5];

test("metered levels the loads that tasks report: a hundred and none becomes fifty and fifty", async () => {
  const load = (input: number): number => LOADS[input]!;
  const balancer = (): Balancer => meteredBalancer({ intervalMs: 10_000 });
  await using cluster = await oneThenTwo({ balancer, taskCount: LOADS.length, load });
  const loads = (): number[] => cluster.node(2).nodes().slice(0, 2).map((info) => info.load);
  expect(loads()).toEqual([100, 0]);
  await cluster.advance(30_000);
  expect(loads()).toEqual([50, 50]);
  const runCount = cluster.runs().length;
  await cluster.advance(60_000);
  expect([loads(), cluster.runs().length]).toEqual([[50, 50], runCount]);
});

test("a balancer that always throws is reported and costs nothing else", async () => {
  const broken = (): never => {
    throw new Error("broken");
  };
  const errors: string[] = [];
  await using cluster = simulate({ options: (no) => ({ balancer: no === 0 ? { balance: broken } : {} }) });
  cluster.node(0).addEventListener(
    "balancer:error",
    ({ detail }) => errors.push(`${detail.call}: ${detail.error}`),
  );
  cluster.handle(hold, (task) => cluster.delay(task.input));
  await cluster.ready();
  for (let n = 0; n < 20; n++) await cluster.submit(hold, 10_000);
  await cluster.advance(30_000);
  await cluster.allDone();
  expect(new Set(errors)).toEqual(new Set(["balance: Error: broken"]));
});

test("one balancer for several nodes is refused", () => {
  const options = { balancer: fairBalancer() };
  expect(() => simulate({ options })).toThrow("balancer must be its own, got one that another node has");
});
