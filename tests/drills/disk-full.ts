/**
 * Show: three peers, two of them on disks of 12 MB. One is filled: the cluster goes on. The other is filled,
 * too: nothing can be recorded, and nobody is told that it was. Space is freed: all goes on by itself. Root
 * only.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tally } from "../../examples/demo/tally.ts";
import type { PeerEvent } from "../../examples/demo/peer-process.ts";
import type { Client } from "../../mod.ts";
import { beat } from "../support/beat-handlers.ts";
import { beatProblems, readBeatLines } from "../support/beat-lines.ts";
import { stolos } from "../support/cluster.ts";
import { DurableCluster } from "../support/durable-cluster.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { SmallDisk } from "../support/small-disk.ts";

const LONG_COUNT = 12;
const LONG_MS = 60_000;
const BATCH = 10;

interface Stage {
  readonly report: Report;
  readonly cluster: DurableCluster;
  readonly acked: Set<string>;
  readonly events: readonly { readonly name: string; readonly event: PeerEvent }[];
}

await runShow("full disks: one of three, then two of three", async (report, directory) => {
  let disks: SmallDisk[] = [];
  try {
    disks = ["a", "b"].map((name) => new SmallDisk(join(directory, name), "12m"));
  } catch (error) {
    return report.check(`mount a tmpfs (needs root): ${(error as Error).message.trim()}`, false);
  }
  const beats = join(directory, "beats");
  mkdirSync(beats);
  const events: { name: string; event: PeerEvent }[] = [];
  const doneById = new Map<string, string[]>();
  try {
    await using cluster = await DurableCluster.create({
      namespace: `show-full-${process.pid}`,
      names: ["a", "b", "c"],
      directory,
      args: ["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts")],
      env: { STOLOS_BEATS: beats },
      onEvent: (name, event) => {
        if (!event.event.startsWith("task:")) {
          events.push({ name, event });
          report.say(`  ${name}: ${JSON.stringify(event).slice(0, 200)}`);
        } else if (event.event === "task:done" && event.task !== undefined) {
          doneById.set(event.task, [...doneById.get(event.task) ?? [], event.fence ?? ""]);
        }
      },
    });
    const stage: Stage = { report, cluster, acked: new Set(), events };
    cluster.start();
    await cluster.ready();
    await play(stage, disks);
    await isAllKnown(stage, "after it all");
    await cluster.kill();
    cluster.start();
    await cluster.ready();
    await isAllKnown(stage, "after SIGKILL of all three");
    judge(stage, beats, doneById);
  } finally {
    for (const disk of disks) disk[Symbol.dispose]();
  }
});

async function play(stage: Stage, [first, second]: readonly SmallDisk[]): Promise<void> {
  const { report, cluster, acked } = stage;
  // of the peer whose disk is never full
  await using client = await cluster.client(["c"]);
  await submitSome(stage, client, "before", 100);
  const longs = Array.from({ length: LONG_COUNT }, (_, at) => ({ id: `long-${at}`, input: { ms: LONG_MS } }));
  for (const { id } of await client.submitMany(beat, longs)) acked.add(id);

  first!.fill();
  await untilTrouble(stage, client, "a");
  const startMs = performance.now();
  const answers = await submitSome(stage, client, "one-full", 200);
  report.say(`one full: 200 submits in ${seconds(performance.now() - startMs)}, answers ${answers}`);
  report.check("with one disk full every submit is recorded", answers === "ok 200", answers);
  await sayCommand(stage, ["c"], "submit", "--id", "cli-one-full", "--wait", "--", "true");
  // a client that knows all, and whose first is the one that cannot write
  const code = await sayCommand(stage, ["a", "b", "c"], "submit", "--id", "cli-by-a", "--", "true");
  report.check("whoever asks the peer with the full disk is served by another", code === 0, `${code}`);

  second!.fill();
  await untilTrouble(stage, client, "b");
  await sayCommand(stage, ["c"], "submit", "--id", "cli-two-full", "--timeout", "4s", "--", "true");
  const two = await submitSome(stage, client, "two-full", 40);
  report.check("with two full no submit is recorded", !two.includes("ok"), two);
  await sayCommand(stage, ["c"], "task", "--timeout", "4s", "before-1");
  await sayCommand(stage, ["c"], "nodes", "--timeout", "4s");
  await delay(10_000);
  const running = cluster.names.filter((name) => cluster.peer(name).isRunning);
  report.check("all three processes are there", running.length === 3, running.join(" "));
  await goOn(stage, client, [first!, second!]);
}

async function goOn(stage: Stage, client: Client, disks: readonly SmallDisk[]): Promise<void> {
  const { report, events } = stage;
  const freedMs = performance.now();
  for (const disk of disks) disk.free();
  report.say("space is freed");
  const isWell = (name: string): boolean => {
    const last = events.findLast((each) => each.name === name && each.event.event.startsWith("store:"));
    return last?.event.event === "store:recovered";
  };
  const isRecovered = await eventually(() => isWell("a") && isWell("b"), 10_000);
  report.check("both stores recover by themselves", isRecovered, seconds(performance.now() - freedMs));
  let answer = "";
  const isTaken = async (): Promise<boolean> => {
    answer = await submitSome(stage, client, "freed", BATCH);
    return answer === `ok ${BATCH}`;
  };
  const isOn = await eventually(isTaken, 30_000, 200);
  report.check("submits are recorded again", isOn, `${answer} after ${seconds(performance.now() - freedMs)}`);
}

/** Submits until the peer says that its store is in trouble. */
async function untilTrouble(stage: Stage, client: Client, name: string): Promise<void> {
  const isIn = (): boolean =>
    stage.events.some((each) => each.name === name && each.event.event === "store:trouble");
  const startMs = performance.now();
  let count = 0;
  for (; !isIn() && performance.now() - startMs < 30_000; count += BATCH) {
    await submitSome(stage, client, `until-${name}-${count}`, BATCH);
  }
  const after = `after ${seconds(performance.now() - startMs)}, ${count} submits`;
  stage.report.check(`${name} says that its store is in trouble`, isIn(), after);
}

/** Submits short tasks, ten at a time; tells how often which answer came. */
async function submitSome({ acked }: Stage, client: Client, prefix: string, count: number): Promise<string> {
  const answers = new Map<string, number>();
  for (let at = 0; at < count; at += BATCH) {
    const items = Array.from({ length: BATCH }, (_, i) => ({ id: `${prefix}-${at + i}`, input: { ms: 1 } }));
    let answer = "ok";
    try {
      for (const { id } of await client.submitMany(beat, items, { timeoutMs: 3000 })) acked.add(id);
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      answer = text.replaceAll(/"[^"]*"(, )?/g, "").replaceAll(/ +/g, " ");
    }
    answers.set(answer, (answers.get(answer) ?? 0) + BATCH);
  }
  return [...answers].map(([answer, times]) => `${answer} ${times}`).join(", ");
}

/** Asks by those peers; the exit code. */
async function sayCommand(
  { report, cluster, acked }: Stage,
  names: readonly string[],
  command: string,
  ...args: string[]
): Promise<number | null> {
  const join = names.flatMap((name) => ["--join", cluster.addressOf(name)]);
  const client = ["--namespace", cluster.namespace, ...join];
  const startMs = performance.now();
  const { code, stdout, stderr } = await stolos("node", [command, ...client, ...args]);
  const tookMs = performance.now() - startMs;
  report.say(`stolos ${command} ${args.join(" ")}: exit code ${code} after ${seconds(tookMs)}`);
  for (const line of (stdout + stderr).trimEnd().split("\n").slice(0, 8)) report.say(`  | ${line}`);
  const [, id] = args;
  if (command === "submit" && code === 0 && id !== undefined) acked.add(id);
  return code;
}

async function isAllKnown({ report, cluster, acked }: Stage, when: string): Promise<void> {
  await using client = await cluster.client();
  let missing: string[] = [];
  const isDone = async (): Promise<boolean> => {
    const states = new Map<string, string>();
    for await (const { id, state } of client.list()) states.set(id, state);
    missing = [...acked].filter((id) => states.get(id) !== "completed");
    return missing.length === 0;
  };
  const startMs = performance.now();
  const isWhole = await eventually(isDone, LONG_MS * 2.5, 500);
  const took = seconds(performance.now() - startMs);
  const seen = isWhole ? `after ${took}` : missing.slice(0, 5).join(" ");
  report.check(`${when} all ${acked.size} acknowledged tasks are completed`, isWhole, seen);
}

function judge(stage: Stage, beats: string, doneById: ReadonlyMap<string, readonly string[]>): void {
  const files = readdirSync(beats).filter((file) => file.endsWith(".log"));
  const lines = files.flatMap((file) => readBeatLines(readFileSync(join(beats, file), "utf8")));
  const { runs, fences, again, twice } = beatProblems(lines, doneById);
  const { overlapped, restarted } = tally([...new Set(lines.map(({ task }) => task))], runs);
  const { report } = stage;
  report.check("no two runs of a task overlap", overlapped.length === 0, overlapped.join(" "));
  report.check("fences only grow", fences.length === 0, fences.join("; "));
  report.check("nothing runs or is done again", again.length + twice.length === 0, again.join("; "));
  report.say(`${restarted} tasks were started more than once`);
}
