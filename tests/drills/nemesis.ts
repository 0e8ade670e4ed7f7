/**
 * Random faults on five durable peers of all three runtimes, while clients ask beside each other for the same
 * ids. Then every answer and every line of a handler is judged (tests/support/history-checker.ts).
 * `--minutes M` (5), `--seed S` (1); `--out FILE` keeps the history. The seed repeats what is asked and what
 * is drawn, not what the machine makes of it.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { PeerEvent } from "../../examples/demo/peer-process.ts";
import type { Client } from "../../mod.ts";
import { DurableCluster } from "../support/durable-cluster.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { type Anomaly, checkHistory } from "../support/history-checker.ts";
import type { Completion, History, Operation } from "../support/history.ts";
import { NemesisClient } from "../support/nemesis-client.ts";
import { readLines } from "../support/nemesis-handlers.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
  },
});
const RUN_MS = Number(values.minutes) * 60_000;
const SEED = Number(values.seed);
const RUNTIME_BY_NAME = { a: "node", b: "bun", c: "deno", d: "node", e: "bun" } as const;
const CLIENT_COUNT = 5;
const NEW_ID_EVERY_MS = 400;
const LEASE_MS = 4000;
const GAP_MS_MAX = 5000;
const DOWN_MS_MAX = 8000;
const READY_MS_MAX = 90_000;
const LEAVE_MS_MAX = 60_000;
const FINISH_MS = 180_000;
/** More, and hardly any partition had a majority. */
const HARMED_MAX = 2;
const SHOWN_MAX = 12;
/** The wall clock must not be set while it is what everybody writes down. */
const CLOCK_DRIFT_MS_MAX = 500;

// ---- faults -----------------------------------------------------------------------------------------------

type Fault = "SIGKILL" | "SIGSTOP" | "SIGTERM";

interface Harm {
  readonly name: string;
  readonly fault: Fault;
  /** How long it stands still, or is away before it is started again. */
  readonly forMs: number;
}

function drawFault(random: () => number): Omit<Harm, "name"> {
  const [chance, share] = [random(), random()];
  const fault = chance < 0.4 ? "SIGKILL" : chance < 0.8 ? "SIGSTOP" : "SIGTERM";
  return { fault, forMs: fault === "SIGSTOP" ? LEASE_MS * (0.5 + 2.5 * share) : DOWN_MS_MAX * share };
}

/** Does harm to one peer after the other, now and then to two at once, and makes sure that it was done. */
class Nemesis {
  readonly #cluster: DurableCluster;
  readonly #report: Report;
  readonly #random = randomOf(SEED);
  readonly #done: Record<Fault, number> = { SIGKILL: 0, SIGSTOP: 0, SIGTERM: 0 };
  readonly #unproven: string[] = [];
  readonly #late: string[] = [];
  readonly #harmed = new Set<string>();
  /** Faults while another peer was harmed. */
  #besides = 0;
  #mostAtOnce = 0;

  constructor(cluster: DurableCluster, report: Report) {
    this.#cluster = cluster;
    this.#report = report;
  }

  /** What is drawn depends on the seed alone; who is harmed already is spared. */
  async run(untilMs: number): Promise<void> {
    const harming: Promise<void>[] = [];
    while (performance.now() < untilMs) {
      await delay(500 + GAP_MS_MAX * this.#random());
      const count = this.#random() < 0.25 ? 2 : 1;
      const order = this.#cluster.names.toSorted(() => this.#random() - 0.5);
      const harms = order.map((name) => ({ name, ...drawFault(this.#random) }));
      const well = harms.filter(({ name }) => !this.#harmed.has(name));
      const chosen = well.slice(0, Math.min(count, HARMED_MAX - this.#harmed.size));
      harming.push(...chosen.map((harm) => this.#harm(harm)));
      this.#mostAtOnce = Math.max(this.#mostAtOnce, this.#harmed.size);
    }
    await Promise.all(harming);
    await this.#cluster.ready(this.#cluster.names, READY_MS_MAX).catch((error: Error) => {
      this.#late.push(error.message);
    });
  }

  /** Until the peer is harmed no more: it goes on, or it listens again. */
  async #harm({ name, fault, forMs }: Harm): Promise<void> {
    this.#harmed.add(name);
    this.#report.say(`${fault} ${name}, ${seconds(forMs)}, ${this.#harmed.size} at once`);
    if (this.#harmed.size > 1) this.#besides += 1;
    const isProven = fault === "SIGSTOP" ? await this.#pause(name, forMs) : await this.#end(name, fault);
    this.#done[fault] += 1;
    if (!isProven) this.#unproven.push(`${fault} ${name}`);
    if (fault !== "SIGSTOP") {
      await delay(forMs);
      this.#cluster.start([name]);
      const listens = ({ event }: PeerEvent): boolean => event === "listening";
      await this.#cluster.peer(name).event(listens, READY_MS_MAX).catch((error: Error) => {
        this.#late.push(`${name}: ${error.message}`);
      });
    }
    this.#harmed.delete(name);
  }

  async #pause(name: string, forMs: number): Promise<boolean> {
    const { child } = this.#cluster.peer(name);
    const isStopped = (): boolean => processState(child.pid) === "T";
    this.#cluster.peer(name).signal("SIGSTOP");
    const hasStopped = await eventually(isStopped, 1000, 10);
    await delay(forMs);
    const wasStopped = hasStopped && isStopped();
    this.#cluster.peer(name).signal("SIGCONT");
    return wasStopped;
  }

  async #end(name: string, signal: "SIGKILL" | "SIGTERM"): Promise<boolean> {
    const peer = this.#cluster.peer(name);
    if (!peer.isRunning) return false;
    if (signal === "SIGKILL") await this.#cluster.kill([name]);
    else await peer.stop(LEAVE_MS_MAX);
    const { exitCode, signalCode } = peer.child;
    return signal === "SIGKILL" ? signalCode === "SIGKILL" : exitCode === 0;
  }

  judge(): void {
    const { SIGKILL, SIGSTOP, SIGTERM } = this.#done;
    const all = SIGKILL + SIGSTOP + SIGTERM;
    this.#report.say(
      `${all} faults: ${SIGKILL} SIGKILL, ${SIGSTOP} SIGSTOP, ${SIGTERM} SIGTERM, ` +
        `${this.#besides} beside another, at most ${this.#mostAtOnce} at once`,
    );
    this.#report.check("each fault happened", this.#unproven.length === 0, this.#unproven.join(", "));
    this.#report.check("each peer came back", this.#late.length === 0, this.#late.join(", "));
  }
}

// ---- the run ----------------------------------------------------------------------------------------------

await runShow(`nemesis: ${values.minutes} minutes, seed ${SEED}`, async (report, directory) => {
  const lines = join(directory, "lines");
  mkdirSync(lines);
  const completions: Completion[] = [];
  const events = new Map<string, number>();
  await using cluster = await DurableCluster.create({
    namespace: `show-nemesis-${process.pid}`,
    names: Object.keys(RUNTIME_BY_NAME),
    runtimeByName: RUNTIME_BY_NAME,
    directory,
    args: ["--handlers", join(import.meta.dirname, "../support/nemesis-handlers.ts")],
    env: { STOLOS_LINES: lines },
    onEvent: (name, { event, task = "", fence }) => {
      events.set(event, (events.get(event) ?? 0) + 1);
      if (event === "task:done") completions.push({ id: task, fence: Number(fence), atMs: Date.now() });
      if (/^(store|evicted|left)/.test(event)) report.say(`${name}: ${event}`);
    },
  });
  cluster.start();
  await cluster.ready(cluster.names, READY_MS_MAX);
  const driftMs = (): number => Date.now() - performance.now();
  const clockMs = driftMs();
  const operations: Operation[] = [];
  const nemesis = new Nemesis(cluster, report);
  await askAndHarm(cluster, nemesis, operations);
  await finish(report, cluster, operations);
  report.check("the wall clock was not set", Math.abs(driftMs() - clockMs) < CLOCK_DRIFT_MS_MAX);
  nemesis.judge();
  report.say(`peers' events: ${[...events].map(([event, count]) => `${count} ${event}`).join(", ")}`);
  judge(report, { operations, lines: readLines(lines), completions });
});

/** Everybody asks while the nemesis is at work. */
async function askAndHarm(cluster: DurableCluster, nemesis: Nemesis, operations: Operation[]): Promise<void> {
  const startMs = performance.now();
  const left = new AbortController();
  const { signal } = left;
  const idCount = (): number => 1 + Math.floor((performance.now() - startMs) / NEW_ID_EVERY_MS);
  const connections: (Client & AsyncDisposable)[] = [];
  const asking: Promise<void>[] = [];
  for (let at = 0; at < CLIENT_COUNT; at++) {
    const client = await cluster.client(cluster.names, 4000);
    connections.push(client);
    const random = randomOf(SEED * 1000 + at);
    asking.push(new NemesisClient({ client, random, operations, idCount, signal }).run());
  }
  await nemesis.run(startMs + RUN_MS);
  left.abort();
  await Promise.all(asking);
  for (const client of connections) await client[Symbol.asyncDispose]();
}

/** All is well again: what is paused is resumed, and every task that is known must end. */
async function finish(report: Report, cluster: DurableCluster, operations: Operation[]): Promise<void> {
  await using client = await cluster.client();
  const { signal } = new AbortController();
  const asker = new NemesisClient({ client, random: () => 1, operations, idCount: () => 1, signal });
  const startMs = performance.now();
  let open: string[] = [];
  let ids: string[] = [];
  const isOver = async (): Promise<boolean> => {
    const tasks = await asker.list(null);
    ids = tasks.map(({ id }) => id);
    open = tasks.filter(({ state }) => !/completed|killed|failed/.test(state)).map(({ id, state }) =>
      `${id} ${state}`
    );
    for (const { id } of tasks.filter(({ state }) => state === "paused")) await asker.command(id, "run");
    return tasks.length > 0 && open.length === 0;
  };
  await eventually(isOver, FINISH_MS, 1000);
  report.check(`all ${ids.length} tasks end`, open.length === 0, open.slice(0, 9).join(", "));
  report.say(`... ${seconds(performance.now() - startMs)} after the last fault`);
  for (const id of ids) await asker.get(id);
}

/** T: stopped. "" where nobody says. */
function processState(pid: number | undefined): string {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}

// ---- judgement --------------------------------------------------------------------------------------------

function judge(report: Report, history: History): void {
  const { operations, lines } = history;
  const answers = new Map<string, number>();
  for (const { call, answer } of operations) {
    const what = call.type === "command" ? call.command : call.type;
    const how = "code" in answer ? `${answer.type} ${answer.code}` : answer.type;
    answers.set(`${what}: ${how}`, (answers.get(`${what}: ${how}`) ?? 0) + 1);
  }
  report.say(`${operations.length} operations`);
  for (const [answer, count] of [...answers].sort()) report.say(`  ${String(count).padStart(6)} ${answer}`);
  const starts = lines.filter(({ kind }) => kind === "start");
  const again = starts.filter(({ attempt }) => attempt > 1).length;
  report.say(`${starts.length} starts, ${again} of them not the first of their task; ${lines.length} lines`);
  if (values.out !== undefined) writeFileSync(values.out, JSON.stringify(history));
  const anomalies = checkHistory(history);
  for (const [rule, own] of Map.groupBy(anomalies, (anomaly) => anomaly.rule)) {
    report.say(`${own.length} against "${rule}"`);
    for (const { id, text } of own.slice(0, SHOWN_MAX)) report.say(`  ${id}: ${text}`);
  }
  show(report, history, anomalies);
  report.check("no anomaly", anomalies.length === 0, `${anomalies.length}`);
}

/** All that is known of the first tasks of each rule. */
function show(
  report: Report,
  { operations, lines, completions }: History,
  anomalies: readonly Anomaly[],
): void {
  const ids = new Set([...Map.groupBy(anomalies, ({ rule }) => rule).values()].map((own) => own[0]!.id));
  for (const id of ids) {
    const asked = operations.filter(({ call }) => "id" in call && call.id === id).map((operation) => ({
      atMs: operation.startMs,
      text: JSON.stringify(operation),
    }));
    const ran = lines.filter((line) => line.id === id && line.kind !== "beat").map((line) => ({
      atMs: line.atMs,
      text: JSON.stringify(line),
    }));
    const fences = completions.filter((each) => each.id === id).map(({ fence }) => fence);
    report.say(`${id}, recorded as done by fences [${fences.join(", ")}]`);
    for (const { text } of [...asked, ...ran].sort((a, b) => a.atMs - b.atMs)) report.say(`  ${text}`);
  }
}

/** Numbers from 0 to 1 that a seed repeats. */
function randomOf(seed: number): () => number {
  let state = Math.imul(seed, 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
