/**
 * What docs/operating.md says, against the code: metrics, log levels, options, and how long a failover
 * takes.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { defineTask } from "../../../mod.ts";
import { PEER_OPTIONS } from "../../../src/cli/peer-options.ts";
import { levelOf, logEvents } from "../../../src/node/log.ts";
import type { Node } from "../../../src/node/node-api.ts";
import { METRICS } from "../../../src/observe/metrics.ts";
import { simulate, type TaskRun } from "../../../src/testing/kit.ts";

const page = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");

/** The rows of the table whose first column matches, without its ticks. */
function rows(first: RegExp): string[][] {
  return page.split("\n").filter((line) => first.test(line)).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", ""))
  );
}

/** The unit that a name says; OpenTelemetry's conventions put it last but for _total. */
function unitOf(name: string): string {
  const last = name.replace(/_total$/, "").split("_").at(-1) ?? "";
  return { seconds: "s", bytes: "bytes", tasks: "tasks", partitions: "partitions" }[last] ?? "1";
}

test("the page lists every metric with its type, unit and meaning, and no other", () => {
  const listed = rows(/^\| `stolos_/).map(([name, type, unit, , meaning]) => [name, type, unit, meaning]);
  expect(listed).toEqual(
    METRICS.map(({ name, type, help }) => [name!, type, unitOf(name), help.replaceAll("`", "")]),
  );
});

test("the page names only metrics that there are", () => {
  const known = new Set(METRICS.map(({ name }) => name));
  for (const [name] of page.matchAll(/\bstolos_[a-z_]+/g)) expect(known).toContain(name);
});

test("the alerting rules ask for metrics that there are", () => {
  const rules = readFileSync(new URL("../../../examples/deploy/alerts.yaml", import.meta.url), "utf8");
  const known = new Set(METRICS.map(({ name }) => name));
  const asked = [...rules.matchAll(/\bstolos_[a-z_]+/g)].map(([name]) => name);
  expect(asked.length).toBeGreaterThan(8);
  for (const name of asked) expect(known).toContain(name);
});

/** What a log that takes everything listens to. */
function eventTypes(): string[] {
  const types: string[] = [];
  const node: Pick<Node, "addEventListener"> = { addEventListener: (type) => void types.push(type) };
  // it only listens
  logEvents(node as Node, { log: () => {}, logLevel: "debug" });
  return types;
}

test("the page gives every event its level", () => {
  const listed = rows(/^\| `(error|warn|info|debug)` \|/);
  expect(listed.map(([level]) => level)).toEqual(["error", "warn", "info", "debug"]);
  const given = listed.flatMap(([level, events = ""]) =>
    // what comes after a comma is an event under a condition
    events.replace(/, stopped by itself$/, "").split(" ").map((event) => `${event} ${level}`)
  );
  const actual = eventTypes().map((event) => `${event} ${levelOf(event as "ready", {})}`);
  expect(given.sort()).toEqual(actual.sort());
  expect(levelOf("stopped", { error: new Error("x") })).toBe("error");
});

/** Of `recover`, of the runtimes, of kubectl. */
const OTHER_OPTIONS = ["yes", "watch", "hot", "replicas", "for", "timeout", "selector"];

test("the page names only options that there are", () => {
  const ofClients = ["state", "since", "tag", "all", "per-second", "completed", "failed"];
  const options = new Set([...Object.keys(PEER_OPTIONS), ...OTHER_OPTIONS, ...ofClients]);
  for (const [, option = ""] of page.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)) {
    expect(options).toContain(option);
  }
});

const hold = defineTask<null>({ name: "hold" });

/** How long after a crash of their node the tasks that it ran began elsewhere. */
async function failovers(nodes: number, leaseTtlMs: number, seed: number): Promise<number[]> {
  await using cluster = simulate({ nodes, seed, options: { leaseTtlMs } });
  cluster.handle(
    hold,
    (_task, ctx) => new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve())),
  );
  await cluster.ready();
  for (let at = 0; at < 12; at++) await cluster.submit(hold, null, { id: `t${at}` });
  // younger ones may have killed their node, and wait while another is missing
  await cluster.advance(6000 + seed * 137);
  const crashMs = cluster.now();
  cluster.crash(cluster.runs("t0").at(-1)!.node);
  await cluster.advance(3 * leaseTtlMs);
  const orphans = cluster.runs().filter(({ end }) => end === "crashed");
  const next = ({ task, fence }: TaskRun): TaskRun | undefined =>
    cluster.runs(task).find((run) => run.fence > fence);
  return orphans.map((run) => (next(run)?.startMs ?? Infinity) - crashMs);
}

test("after a crash tasks run elsewhere when the page's formula says so", async () => {
  const rate = 0.01;
  for (const leaseTtlMs of [4000, 1000]) {
    for (const nodes of [3, 5]) {
      const all: number[] = [];
      for (let seed = 1; seed <= 5; seed++) all.push(...await failovers(nodes, leaseTtlMs, seed));
      const heartbeatMs = leaseTtlMs / 4;
      const waitMs = leaseTtlMs * (1 + rate) / (1 - rate);
      // two rounds of a network that takes 3 ms at most, there and back
      const roundsMs = 2 * 2 * 3;
      expect(all.length).toBeGreaterThan(8);
      expect(Math.min(...all)).toBeGreaterThanOrEqual(waitMs - heartbeatMs);
      expect(Math.max(...all)).toBeLessThanOrEqual(waitMs + heartbeatMs / 5 + roundsMs);
    }
  }
});
