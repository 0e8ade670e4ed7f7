/**
 * Show: a command kills the peer that runs it, wherever it is started, while other tasks run. On three peers
 * with their state in memory, on three with it on disk, and on memory peers that nobody starts again.
 *
 *   --store NAME      memory, durable or never (started again); both of the former by default
 *   --tasks N         others beside it (30)
 *   --peers N         of `never` (3)
 *   --lapses-max N    charged lapses that the task may have (5)
 *   --for SECONDS     how long to wait for its end (600)
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PeerProcess } from "../../examples/demo/peer-process.ts";
import { type Attempt, readAttempts, tally } from "../../examples/demo/tally.ts";
import { type Client, connectClient, type TaskInfo } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { lasting } from "../support/beat-handlers.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { freePort } from "../support/free-port.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string" },
    tasks: { type: "string", default: "30" },
    peers: { type: "string", default: "3" },
    "lapses-max": { type: "string", default: "5" },
    for: { type: "string", default: "600" },
  },
});
const taskCount = Number(values.tasks);
const lapsesMax = Number(values["lapses-max"]);
const waitMs = Number(values.for) * 1000;

const READY_MS_MAX = 120_000;
const BACK_AFTER_MS = 1000;
/** So that no other task is young when the first peer dies. */
const SETTLED_MS = 8000;
const KILL_THE_PEER = "kill -9 $(ps -o ppid= -p $PPID)";

type Store = "memory" | "durable" | "never";
const stores: readonly Store[] = values.store === undefined ? ["memory", "durable"] : [values.store as Store];

/** Peers on fixed ports; those that die are started again, unless nobody does. */
class Fleet implements AsyncDisposable {
  readonly #store: Store;
  readonly #directory: string;
  readonly #report: Report;
  readonly #namespace: string;
  readonly #ports: readonly number[];
  readonly #peers: PeerProcess[] = [];
  #isOver = false;
  /** Unix ms. */
  readonly deathsMs: number[] = [];

  constructor(store: Store, directory: string, report: Report, ports: readonly number[]) {
    this.#store = store;
    this.#directory = directory;
    this.#report = report;
    this.#namespace = `show-poison-${store}-${process.pid}`;
    this.#ports = ports;
  }

  static async start(store: Store, directory: string, report: Report): Promise<Fleet> {
    const count = store === "never" ? Number(values.peers) : 3;
    const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
    const fleet = new Fleet(store, directory, report, ports);
    for (let no = 0; no < count; no++) fleet.#peers[no] = fleet.#launch(no);
    await Promise.all(fleet.#peers.map((peer) => peer.ready(READY_MS_MAX)));
    return fleet;
  }

  #addressOf(no: number): string {
    return `/ip4/127.0.0.1/tcp/${this.#ports[no]}`;
  }

  #launch(no: number): PeerProcess {
    const others = this.#ports.flatMap((_, other) => other === no ? [] : ["--join", this.#addressOf(other)]);
    const data = this.#store === "durable" ? ["--data", join(this.#directory, `n${no}`)] : [];
    const handlers = join(import.meta.dirname, "../support/beat-handlers.ts");
    const peer = new PeerProcess({
      runtime: "node",
      args: [
        ...["--namespace", this.#namespace, "--no-mdns", "--name", `n${no}`],
        ...["--listen", this.#addressOf(no), ...others, ...data, "--expect", String(this.#ports.length)],
        ...["--handlers", handlers, "--capacity", "400"],
      ],
      env: { STOLOS_BEATS: this.#directory, TMPDIR: this.#directory },
    });
    void peer.exited.then(() => this.#died(no));
    return peer;
  }

  async #died(no: number): Promise<void> {
    if (this.#isOver) return;
    this.deathsMs.push(Date.now());
    this.#report.say(`n${no} died, the ${this.deathsMs.length}. death`);
    if (this.#store === "never") return;
    await delay(BACK_AFTER_MS);
    if (!this.#isOver) this.#peers[no] = this.#launch(no);
  }

  get runningCount(): number {
    return this.#peers.filter((peer) => peer.isRunning).length;
  }

  async client(): Promise<Client & AsyncDisposable> {
    const join = this.#ports.map((_, no) => this.#addressOf(no));
    return await connectClient({ namespace: this.#namespace, join, mdns: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()));
  }
}

async function show(report: Report, fleet: Fleet, directory: string): Promise<void> {
  const ids = await submitOthers(fleet);
  const isRunning = (): boolean => readAttempts(directory).length >= ids.length;
  report.check("all tasks run", await eventually(isRunning, 20_000), `${readAttempts(directory).length}`);
  await delay(SETTLED_MS);
  const startMs = Date.now();
  await submitPoison(fleet);
  report.say("the poison is submitted");
  const info = await itsEnd(report, fleet);
  for (const [at, ms] of fleet.deathsMs.entries()) {
    const since = at === 0 ? ms - startMs : ms - fleet.deathsMs[at - 1]!;
    report.say(`death ${at + 1}: ${seconds(since)} after ${at === 0 ? "the submit" : "the one before"}`);
  }
  if (fleet.runningCount < 2) {
    report.say("too few peers are left for a quorum");
    return;
  }
  report.check("it is failed as poison", info?.failedBecause === "poison", `${info?.state} ${info?.why}`);
  report.say(`attempts ${info?.attempt}, lapses: ${info?.lapses.map(lapseText).join("; ")}`);
  const killsMax = lapsesMax + 2;
  report.check(`it has killed ${killsMax} peers`, fleet.deathsMs.length === killsMax);
  await delay(40_000);
  writeFileSync(join(directory, "finish"), "");
  const isFinished = (): boolean => tally(ids, readAttempts(directory)).lost.length === 0;
  await eventually(isFinished, 90_000, 500);
  judge(report, ids, readAttempts(directory));
  await checkOthers(report, fleet, ids);
}

async function submitOthers(fleet: Fleet): Promise<string[]> {
  await using client = await fleet.client();
  const items = Array.from({ length: taskCount }, (_, at) => ({ id: `other-${at}`, input: {} }));
  return (await client.submitMany(lasting, items)).map(({ id }) => id);
}

async function submitPoison(fleet: Fleet): Promise<void> {
  await using client = await fleet.client();
  await client.submit(exec, { argv: ["sh", "-c", KILL_THE_PEER] }, { id: "poison", lapsesMax, attempts: 3 });
}

/** Why others waited, without what differs, and in how many looks they did. */
const waits = new Map<string, number>();

/** What a member says of the task, asked anew each time: members die. */
async function lookAt(fleet: Fleet): Promise<TaskInfo | undefined> {
  try {
    await using client = await fleet.client();
    for (const state of ["pending", "sleeping"] as const) {
      for await (const { id, why } of client.list({ state })) {
        const reason = plain(why ?? "");
        if (id !== "poison") waits.set(reason, (waits.get(reason) ?? 0) + 1);
      }
    }
    return await client.get("poison");
  } catch {
    return undefined;
  }
}

async function itsEnd(report: Report, fleet: Fleet): Promise<TaskInfo | undefined> {
  const deadlineMs = performance.now() + waitMs;
  let [info, why]: [TaskInfo | undefined, string] = [undefined, ""];
  while (performance.now() < deadlineMs && fleet.runningCount > 0) {
    info = await lookAt(fleet) ?? info;
    if (info && info.state === "failed") break;
    const now = info ? `${info.state}: ${plain(info.why ?? "")}` : "";
    if (now !== why) report.say(`${why = now}`);
    if (fleet.runningCount < 2) break;
    await delay(1000);
  }
  if (info?.state === "failed") report.say(`failed: ${info.failedBecause}, ${info.lapses.length} lapses`);
  return info;
}

/** Without times, durations and names. */
function plain(why: string): string {
  return why.replace(/\d+(\.\d+)? s|20\d\d-[^ ;,]*|"n\d"/g, "…");
}

function lapseText({ nodeName, ranMs, counted }: TaskInfo["lapses"][number]): string {
  return `${nodeName ?? "one that is gone"} after ${ranMs ?? "?"} ms${counted ? "" : ", not counted"}`;
}

function judge(report: Report, ids: readonly string[], attempts: readonly Attempt[]): void {
  const result = tally(ids, attempts);
  const gapsMs: number[] = [];
  let disturbedCount = 0;
  for (const id of ids) {
    const own = attempts.filter(({ task }) => task === id).sort((a, b) => a.firstNs < b.firstNs ? -1 : 1);
    if (own.length > 1) disturbedCount++;
    own.slice(1).forEach((attempt, at) => gapsMs.push(Number(attempt.firstNs - own[at]!.lastNs) / 1e6));
  }
  gapsMs.sort((a, b) => a - b);
  const [median, last] = [gapsMs[gapsMs.length >> 1] ?? 0, gapsMs.at(-1) ?? 0];
  report.say(
    `${disturbedCount} of ${ids.length} others were disturbed, ${gapsMs.length} times: ` +
      `median ${seconds(median)}, longest ${seconds(last)} without a node`,
  );
  for (const [why, count] of [...waits].sort(([, a], [, b]) => b - a)) {
    report.say(`others waited, seen ${count} times: ${why}`);
  }
  report.check("no other task was lost", result.lost.length === 0, result.lost.join(" "));
  report.check("none ran twice at once", result.overlapped.length === 0, result.overlapped.join(" "));
}

async function checkOthers(report: Report, fleet: Fleet, ids: readonly string[]): Promise<void> {
  await using client = await fleet.client();
  let open: string[] = [];
  await eventually(
    async () => {
      const states = new Map<string, string>();
      for await (const { id, state } of client.list()) states.set(id, state);
      open = ids.filter((id) => states.get(id) !== "completed").map((id) => `${id} ${states.get(id)}`);
      return open.length === 0;
    },
    15_000,
    500,
  );
  report.check("every other task is completed", open.length === 0, open.join(", "));
  const lapses = (await Promise.all(ids.map((id) => client.get(id)))).map((info) => info?.lapses ?? []);
  const counted = lapses.map((own) => own.filter((lapse) => lapse.counted).length);
  report.say(
    `lapses of the others: ${lapses.flat().length}, counted ${counted.reduce((a, b) => a + b, 0)}, ` +
      `at most ${Math.max(...counted)} of one`,
  );
}

await runShow("a command kills the peer that runs it", async (report, directory) => {
  for (const store of stores) {
    report.say(`---- ${store}`);
    const own = join(directory, store);
    mkdirSync(own, { recursive: true });
    await using fleet = await Fleet.start(store, own, report);
    await show(report, fleet, own);
  }
});
