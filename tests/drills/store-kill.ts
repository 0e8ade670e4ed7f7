/**
 * Show: three durable peers, all SIGKILLed at the same moment in the middle of 10,000 short and 300 long
 * tasks, and started again on their directories, many times. `--rounds N` (20) says how often; with
 * `--lose 1` one directory is deleted in the middle of it all: its peer comes back as a new member.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tally } from "../../examples/demo/tally.ts";
import { type Client, NoQuorumError } from "../../mod.ts";
import { beat } from "../support/beat-handlers.ts";
import { type BeatLine, beatProblems, readBeatLines } from "../support/beat-lines.ts";
import { DurableCluster, type StartTimes } from "../support/durable-cluster.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    lose: { type: "string", default: "0" },
    seed: { type: "string", default: String(Date.now() % 1e6) },
  },
});
const ROUNDS = Number(values.rounds);
const LOSE_ROUND = values.lose === "0" ? -1 : ROUNDS >> 1;
const SHORT_COUNT = 10_000;
const LONG_COUNT = 300;
const LONG_MS = 8000;
const BATCH = 20;
const KILL_WITHIN_MS = 1500;
const FINISH_MS = 180_000;
const random = randomOf(Number(values.seed));

interface Item {
  readonly id: string;
  readonly input: { readonly ms: number };
}

/** What the submitter knows. */
class Ledger {
  readonly acked: Set<string> = new Set();
  readonly problems: string[] = [];
  readonly errors: Map<string, number> = new Map();

  ack(ids: readonly { readonly id: string; readonly created: boolean }[]): void {
    for (const { id, created } of ids) {
      if (created && this.acked.has(id)) this.problems.push(`${id} was acknowledged, then created again`);
      this.acked.add(id);
    }
  }
}

await runShow(`SIGKILL of all three, ${ROUNDS} times (seed ${values.seed})`, async (report, directory) => {
  const beats = join(directory, "beats");
  mkdirSync(beats);
  const doneById = new Map<string, string[]>();
  const troubles: string[] = [];
  await using cluster = await DurableCluster.create({
    namespace: `show-store-${process.pid}`,
    names: ["a", "b", "c"],
    directory,
    args: ["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts"), "--capacity", "400"],
    env: { STOLOS_BEATS: beats },
    onEvent: (name, event) => {
      if (event.event === "task:done") {
        doneById.set(event.task ?? "", [...doneById.get(event.task ?? "") ?? [], event.fence ?? ""]);
      }
      if (/^(store|evicted|join|peer:rejected|stopped)/.test(event.event)) {
        troubles.push(`${name}: ${JSON.stringify(event)}`);
      }
    },
  });
  const items = workload();
  const ledger = new Ledger();
  const restarts: StartTimes[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    cluster.start();
    const ready = await cluster.ready();
    if (round > 0) restarts.push(ready);
    await liveAndDie(report, cluster, { items, ledger, round });
    if (round === LOSE_ROUND) await lose(report, cluster, ledger);
  }
  cluster.start();
  restarts.push(await cluster.ready());
  await finish(report, cluster, { items, ledger });
  sayReady(report, restarts);
  judge(report, { items, ledger, beats, doneById });
  report.say(`directories: ${cluster.names.map((name) => sizeOf(cluster.dataOf(name))).join(", ")} MB`);
  for (const trouble of troubles.slice(0, 20)) report.say(`event ${trouble}`);
  for (const [error, count] of ledger.errors) report.say(`${count} submits were answered: ${error}`);
});

interface Round {
  readonly items: readonly Item[];
  readonly ledger: Ledger;
  readonly round: number;
}

/** The submitter goes on until the power fails, at a random moment. */
async function liveAndDie(report: Report, cluster: DurableCluster, { items, ledger, round }: Round) {
  await using client = await cluster.client();
  await repeatSome(client, items, ledger);
  const before = ledger.acked.size;
  const share = items.filter((_, at) => at % ROUNDS === round);
  const startMs = performance.now();
  const killAtMs = KILL_WITHIN_MS * random();
  const submitting = submitAll(client, share, ledger);
  await delay(killAtMs);
  await cluster.kill();
  const lifeMs = performance.now() - startMs;
  await submitting;
  report.say(
    `round ${round + 1}: killed after ${seconds(lifeMs)}, ${ledger.acked.size - before} of ${share.length} ` +
      `submits acknowledged`,
  );
}

/** Some that were acknowledged before: they must be known. */
async function repeatSome(client: Client, items: readonly Item[], ledger: Ledger): Promise<void> {
  const acked = items.filter(({ id }) => ledger.acked.has(id));
  const some = acked.filter(() => random() < 100 / acked.length);
  ledger.ack(await client.submitMany(beat, some, { timeoutMs: 30_000 }));
}

/** Four at a time; what is not acknowledged is left. */
async function submitAll(client: Client, items: readonly Item[], ledger: Ledger): Promise<void> {
  const batches = Array.from(
    { length: Math.ceil(items.length / BATCH) },
    (_, at) => items.slice(at * BATCH, (at + 1) * BATCH),
  );
  let isOver = false;
  const submitSome = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined && !isOver; batch = batches.shift()) {
      try {
        ledger.ack(await client.submitMany(beat, batch, { timeoutMs: 3000 }));
      } catch (error) {
        isOver = true;
        const name = error instanceof Error ? error.name : String(error);
        ledger.errors.set(name, (ledger.errors.get(name) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, submitSome));
}

/** One directory is deleted; its peer comes back under its name, as somebody else. */
async function lose(report: Report, cluster: DurableCluster, ledger: Ledger): Promise<void> {
  const victim = cluster.names[Math.floor(random() * cluster.names.length)] ?? "a";
  report.say(`the directory of ${victim} is deleted`);
  rmSync(cluster.dataOf(victim), { recursive: true });
  cluster.start();
  const startMs = performance.now();
  const others = cluster.names.filter((name) => name !== victim);
  const ready = await cluster.ready(others);
  report.say(`the two others are ready after ${ready.map((each) => seconds(each.readyMs)).join(", ")}`);
  await cluster.ready([victim], 120_000);
  report.say(`${victim} is a member again after ${seconds(performance.now() - startMs)}`);
  await using client = await cluster.client();
  const { isWhole, nodes } = await cluster.whole(client, 120_000);
  report.check("every partition has three keepers again", isWhole, nodes);
  report.say(`... after ${seconds(performance.now() - startMs)}`);
  // then any one of the others is not needed
  await cluster.kill(others.slice(0, 1));
  await using later = await cluster.client();
  const states = new Map<string, string>();
  const isKnown = async (): Promise<boolean> => {
    try {
      for await (const { id, state } of later.list()) states.set(id, state);
    } catch (error) {
      if (error instanceof NoQuorumError) return false;
      throw error;
    }
    return [...ledger.acked].every((id) => states.has(id));
  };
  const isAllKnown = await eventually(isKnown, 30_000, 500);
  const missing = [...ledger.acked].filter((id) => !states.has(id));
  report.check(
    `without ${others[0]} all ${ledger.acked.size} are known to the other two`,
    isAllKnown,
    `${missing.length} missing ${missing.slice(0, 5).join(" ")}`,
  );
  await cluster.kill(cluster.names.filter((name) => name !== others[0]));
}

async function finish(
  report: Report,
  cluster: DurableCluster,
  { items, ledger }: { readonly items: readonly Item[]; readonly ledger: Ledger },
): Promise<void> {
  await using client = await cluster.client();
  const ackedBefore = ledger.acked.size;
  ledger.ack(await client.submitMany(beat, items, { timeoutMs: 60_000 }));
  report.say(`${ackedBefore} were acknowledged before the last start; all ${items.length} are now`);
  let open: string[] = [];
  await eventually(
    async () => {
      const states = new Map<string, string>();
      for await (const { id, state } of client.list()) states.set(id, state);
      open = items.filter(({ id }) => states.get(id) !== "completed").map((item) =>
        `${item.id} ${states.get(item.id)}`
      );
      return open.length === 0;
    },
    FINISH_MS,
    1000,
  );
  report.check(
    `all ${items.length} are recorded as completed`,
    open.length === 0,
    open.slice(0, 9).join(", "),
  );
}

interface Evidence {
  readonly items: readonly Item[];
  readonly ledger: Ledger;
  readonly beats: string;
  readonly doneById: ReadonlyMap<string, readonly string[]>;
}

function judge(report: Report, { items, ledger, beats, doneById }: Evidence): void {
  const files = readdirSync(beats).filter((file) => file.endsWith(".log"));
  const lines: BeatLine[] = files.flatMap((file) => readBeatLines(readFileSync(join(beats, file), "utf8")));
  const problems = beatProblems(lines, doneById);
  const sample = (all: readonly string[]): string => all.slice(0, 5).join("; ");
  report.check(
    "what was acknowledged is never new again",
    ledger.problems.length === 0,
    sample(ledger.problems),
  );
  report.check(
    "no fence was given twice, all only grow",
    problems.fences.length === 0,
    sample(problems.fences),
  );
  report.check("attempts count up one by one", problems.attempts.length === 0, sample(problems.attempts));
  report.check(
    "nothing runs after it was recorded as done",
    problems.again.length === 0,
    sample(problems.again),
  );
  report.check("nothing is recorded as done twice", problems.twice.length === 0, sample(problems.twice));
  const { overlapped, lost, restarted } = tally(items.map(({ id }) => id), problems.runs);
  report.check("no two runs of a task overlap", overlapped.length === 0, sample(overlapped));
  report.check("every task ran to its end", lost.length === 0, sample(lost));
  report.say(`${restarted} tasks were started more than once, ${problems.runs.length} runs in all`);
}

function sayReady(report: Report, restarts: readonly (readonly StartTimes[])[]): void {
  const text = (times: readonly number[]): string => {
    const sorted = [...times].sort((a, b) => a - b);
    return `median ${seconds(sorted[sorted.length >> 1] ?? 0)}, longest ${seconds(sorted.at(-1) ?? 0)}`;
  };
  const all = restarts.flat();
  report.say(`from a peer's start until it is ready: ${text(all.map(({ readyMs }) => readyMs))}`);
  report.say(`... until it listens, its store read: ${text(all.map(({ listeningMs }) => listeningMs))}`);
  const rests = restarts.map((life) =>
    Math.max(...life.map(({ readyMs }) => readyMs)) - Math.max(...life.map((each) => each.listeningMs))
  );
  report.say(`... from when the last of three listens until all are ready: ${text(rests)}`);
}

function workload(): readonly Item[] {
  const every = Math.floor(SHORT_COUNT / LONG_COUNT);
  return Array.from({ length: SHORT_COUNT + LONG_COUNT }, (_, at) => {
    const isLong = at % (every + 1) === every && at < (every + 1) * LONG_COUNT;
    return isLong ? { id: `long-${at}`, input: { ms: LONG_MS } } : { id: `short-${at}`, input: { ms: 1 } };
  });
}

function sizeOf(directory: string): string {
  const state = join(directory, "state");
  const bytes = readdirSync(state).reduce((sum, file) => sum + readFileSync(join(state, file)).length, 0);
  return (bytes / 1e6).toFixed(1);
}

/** Numbers from 0 to 1 that a seed repeats. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
