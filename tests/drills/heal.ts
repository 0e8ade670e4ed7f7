/**
 * Drill: five peers, and a network that loses what they send each other in several patterns, then heals: how
 * long until all are connected again, and until every task runs. `--seconds N` is how long each cut lasts,
 * `--rounds N` how often each is tried, `--only PATTERN,PATTERN` leaves the others out; `--secret` gives the
 * peers one. On hosts of their own where it is root on Linux, else, or with `--relay`, through a relay on
 * loopback. Either counts what it lost: some in each cut, and nothing between them.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readdirSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { lasting } from "../support/beat-handlers.ts";
import { readBeatLines } from "../support/beat-lines.ts";
import { type Cut, CutCluster } from "../support/cut-cluster.ts";
import { delay, eventually, type Report, runShow } from "../support/drill.ts";
import { whyNoNetworks } from "../support/named-hosts.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno", "node", "bun"];
const TASK_COUNT = 30;
const FLAP_MS = 300;
/** Of the library: a cut and a heal that take longer than this are a fault. */
const HEALED_MS_MAX = 5000;
const GIVEN_UP_MS = 60_000;
/** A task that has not beaten for so long does not run. */
const STALE_MS = 500;
/** Between two cuts. */
const CALM_MS = 2000;

const everyone = RUNTIMES.map((_, at) => at);
const both = (one: number, other: number): Cut[] => [[one, other], [other, one]];
const from = (one: number): Cut[] =>
  everyone.filter((each) => each !== one).flatMap((each) => both(one, each));

interface Pattern {
  readonly name: string;
  readonly cuts: readonly Cut[];
  readonly isFlapping?: boolean;
}

const PATTERNS: readonly Pattern[] = [
  { name: "whole", cuts: from(1) },
  {
    name: "all",
    cuts: everyone.flatMap((one) => everyone.slice(one + 1).flatMap((other) => both(one, other))),
  },
  { name: "pair", cuts: both(0, 2) },
  { name: "one-way", cuts: [[1, 2]] },
  { name: "flapping", cuts: from(2), isFlapping: true },
  // two majorities that only one peer belongs to both of
  { name: "bridge", cuts: [0, 1].flatMap((one) => [3, 4].flatMap((other) => both(one, other))) },
];

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "1" },
    only: { type: "string" },
    secret: { type: "boolean", default: false },
    relay: { type: "boolean", default: false },
  },
});
const cutMs = Number(values.seconds) * 1000;
const rounds = Number(values.rounds);
const isRouted = !values.relay && whyNoNetworks() === "";
const only = values.only?.split(",") ?? PATTERNS.map(({ name }) => name);
const patterns = PATTERNS.filter(({ name }) => only.includes(name));

async function secretOf(directory: string): Promise<{ secret: string }> {
  const { readFile } = await import("node:fs/promises");
  return { secret: await readFile(join(directory, "secret"), "utf8") };
}

/** Times from healing. */
interface Healing {
  readonly connectedMs: number;
  readonly runningMs: number;
  /** How long the slowest answer took that tells: what the machine adds. */
  readonly answerMs: number;
}

async function cutAndHeal(
  report: Report,
  cluster: CutCluster,
  beats: Beats,
  { name, cuts, isFlapping = false }: Pattern,
): Promise<Healing> {
  const before = cluster.lostCount;
  const endMs = performance.now() + cutMs;
  let isCut = true;
  cluster.cut(cuts, true);
  while (performance.now() < endMs) {
    await delay(Math.min(isFlapping ? FLAP_MS : cutMs, endMs - performance.now()));
    if (!isFlapping || performance.now() >= endMs) break;
    isCut = !isCut;
    cluster.cut(cuts, isCut);
  }
  // what a long cut has let them write takes its time to be read: not that of healing
  beats.staleCount();
  if (isCut) cluster.cut(cuts, false);
  const lost = cluster.lostCount - before;
  const healing = await healed(cluster, beats);
  const { connectedMs, runningMs, answerMs } = healing;
  report.check(
    `${name}: all are connected within ${inSeconds(HEALED_MS_MAX)} s of healing`,
    connectedMs <= HEALED_MS_MAX,
    `${inSeconds(connectedMs)} s, every task after ${inSeconds(runningMs)} s, peers answer within ${
      inSeconds(answerMs)
    } s`,
  );
  report.check(
    `${name}: something was lost`,
    lost > 0,
    `${lost} ${isRouted ? "packets" : "bytes held back"}`,
  );
  return healing;
}

/** How long it takes from now on. */
async function healed(cluster: CutCluster, beats: Beats): Promise<Healing> {
  const startMs = performance.now();
  let [connectedMs, runningMs, answerMs] = [Infinity, Infinity, 0];
  await eventually(
    async () => {
      const askedMs = performance.now();
      const counts = await cluster.connectedCounts();
      answerMs = Math.max(answerMs, performance.now() - askedMs);
      const nowMs = performance.now() - startMs;
      if (counts.every((count) => count === cluster.peers.length - 1)) {
        connectedMs = Math.min(connectedMs, nowMs);
      } else connectedMs = Infinity;
      runningMs = beats.staleCount() === 0 ? Math.min(runningMs, nowMs) : Infinity;
      return connectedMs < Infinity && runningMs < Infinity;
    },
    GIVEN_UP_MS,
    100,
  );
  return { connectedMs, runningMs, answerMs };
}

/** Which tasks run, by what they write. */
class Beats {
  readonly #directory: string;
  readonly #offsetByFile = new Map<string, number>();
  readonly #lastMsById = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Tasks that do not run. */
  staleCount(): number {
    for (const file of readdirSync(this.#directory).filter((name) => name.endsWith(".log"))) this.#read(file);
    const running = [...this.#lastMsById.values()].filter((ms) => Date.now() - ms < STALE_MS);
    return TASK_COUNT - running.length;
  }

  #read(file: string): void {
    const handle = openSync(join(this.#directory, file), "r");
    const offset = this.#offsetByFile.get(file) ?? 0;
    const chunk = Buffer.alloc(fstatSync(handle).size - offset);
    const text = chunk.toString("utf8", 0, readSync(handle, chunk, 0, chunk.byteLength, offset));
    closeSync(handle);
    this.#offsetByFile.set(file, offset + text.lastIndexOf("\n") + 1);
    for (const { task, ns } of readBeatLines(text)) {
      this.#lastMsById.set(task, Math.max(this.#lastMsById.get(task) ?? 0, Number(ns / 1_000_000n)));
    }
  }
}

function rowOf(name: string, took: readonly Healing[]): string {
  const both = [took.map(({ connectedMs }) => connectedMs), took.map(({ runningMs }) => runningMs)];
  const cells = both.map((all) => {
    const sorted = all.toSorted((a, b) => a - b);
    return `${inSeconds(sorted[sorted.length >> 1]!)}, ${inSeconds(sorted.at(-1)!)} s`;
  });
  return `| ${[name, ...cells].join(" | ")} |`;
}

function inSeconds(ms: number): string {
  return ms === Infinity ? "never" : (ms / 1000).toFixed(1);
}

await runShow(
  `cuts of ${cutMs / 1000} s, ${isRouted ? "on hosts" : "through a relay"}`,
  async (report, directory) => {
    if (values.secret) writeFileSync(join(directory, "secret"), randomBytes(32).toString("hex"));
    const args = values.secret ? ["--secret-file", join(directory, "secret")] : ["--insecure"];
    const namespace = `heal-${process.pid}`;
    await using cluster = await CutCluster.start(isRouted, {
      namespace,
      runtimes: RUNTIMES,
      args,
      directory,
    });
    await using client = await connectClient({
      ...cluster.reach,
      ...(values.secret && await secretOf(directory)),
    });
    const ids = Array.from({ length: TASK_COUNT }, (_, at) => `task-${at}`);
    await client.submitMany(lasting, ids.map((id) => ({ id, input: {} })));
    const beats = new Beats(directory);
    const table: string[] = [];
    for (const pattern of patterns) {
      const took: Healing[] = [];
      for (let round = 0; round < rounds; round++) {
        const start = await healed(cluster, beats);
        report.check(
          "all are connected and every task runs before",
          start.connectedMs + start.runningMs < Infinity,
        );
        const lostBefore = cluster.lostCount;
        await delay(CALM_MS);
        const lostNow = cluster.lostCount;
        report.check(
          "nothing is lost while nothing is cut",
          lostNow === lostBefore,
          `${lostNow - lostBefore}`,
        );
        took.push(await cutAndHeal(report, cluster, beats, pattern));
      }
      table.push(rowOf(pattern.name, took));
    }
    const overlapped = tally(ids, readAttempts(directory)).overlapped;
    report.check("no task was ever live twice at once", overlapped.length === 0, overlapped.join(" "));
    console.log(
      `\n| pattern of ${cutMs / 1000} s | connected: p50, max | every task runs: p50, max |\n|---|---|---|`,
    );
    console.log(table.join("\n"));
  },
);
