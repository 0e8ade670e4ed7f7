/**
 * Show: all nodes are killed and some directories are lost for good; `stolos recover` makes a cluster of what
 * is left. For 3, 4, 5 and 7 nodes and every number of directories left: what is called lost is lost, and
 * nothing else is. Then it is killed itself in the middle, again and again. `--nodes 3,4` takes some only.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commandOn } from "../../examples/demo/peer-process.ts";
import { type Client, type ListFilter, NoQuorumError, type TaskSummary } from "../../mod.ts";
import { partitionOf } from "../../src/protocol/context/ring.ts";
import type { Roster } from "../../src/protocol/model/types.ts";
import { beat, lasting } from "../support/beat-handlers.ts";
import { stolos } from "../support/cluster.ts";
import { delay, eventually, type Report, runShow } from "../support/drill.ts";
import { DurableCluster } from "../support/durable-cluster.ts";
import { keepersOf, RosterWatch } from "../support/roster-watch.ts";

const { values } = parseArgs({ options: { nodes: { type: "string", default: "3,4,5,7" } } });
const ENDED_COUNT = 200;
const WAITING_COUNT = 150;
const HELD_PER_NODE = 6;
/** Acknowledged just before the end, so that some copies have not heard of them. */
const LATE_COUNT = 100;
const KILLS = 20;
const PATIENCE_MS = 60_000;

/** A cluster of so many nodes that is dead, and what was acknowledged before. */
interface Dead {
  readonly names: readonly string[];
  readonly directory: string;
  readonly roster: Roster;
  readonly tasks: ReadonlyMap<string, TaskSummary>;
}

/** What the command says. */
interface Said {
  readonly members: readonly string[];
  readonly missing: readonly string[];
  readonly from: string;
  readonly tasks: number;
  readonly doubtful: readonly number[];
  readonly lost: readonly number[];
  readonly stale: readonly string[];
  readonly needed: boolean;
  readonly unfinished: boolean;
}

await runShow("a lost majority, recovered", async (report, directory) => {
  const rows: string[][] = [["nodes", "left", "lost", "doubtful", "tasks", "gone", "named", "runs after"]];
  for (const count of values.nodes.split(",").map(Number)) {
    const dead = await killed(report, directory, count);
    for (let left = 1; left < count; left++) rows.push(await recoverOf(report, dead, left));
    if (count === 5) await killTheCommand(report, dead);
  }
  for (const row of rows) report.say(row.map((cell) => cell.padStart(10)).join(""));
});

function clusterOf(directory: string, names: readonly string[]): Promise<DurableCluster> {
  const beats = join(directory, "beats");
  mkdirSync(beats, { recursive: true });
  return DurableCluster.create({
    namespace: `show-recover-${process.pid}`,
    names,
    directory,
    args: ["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts"), "--capacity", "400"],
    env: { STOLOS_BEATS: beats },
  });
}

// ---- the disaster -----------------------------------------------------------------------------------------

async function killed(report: Report, root: string, count: number): Promise<Dead> {
  const directory = join(root, `of-${count}`);
  const names = Array.from({ length: count }, (_, at) => `n${at + 1}`);
  await using cluster = await clusterOf(directory, names);
  cluster.start();
  await cluster.ready(names, 2 * PATIENCE_MS);
  const join_ = names.map((name) => cluster.addressOf(name));
  await using watch = await RosterWatch.start({ namespace: cluster.namespace, join: join_ });
  const roster = (await watch.until(() => true, 10_000))!.roster;
  await using client = await cluster.client();
  await submit(client, count);
  const tasks = new Map(await listed(client));
  const late = items("late", LATE_COUNT);
  const acked = await client.submitMany(beat, late, { requires: { nobody: "has" } });
  await cluster.kill();
  for (const { id } of acked) tasks.set(id, { ...tasks.get("waiting-0")!, id });
  report.say(`---- ${count} nodes, killed with ${tasks.size} tasks acknowledged`);
  return { names, directory, roster, tasks };
}

function items(name: string, count: number): { id: string; input: { ms: number } }[] {
  return Array.from({ length: count }, (_, at) => ({ id: `${name}-${at}`, input: { ms: 1 } }));
}

/** On a busy machine a steward may be a moment late. */
async function listed(
  client: Client,
  filter: ListFilter = {},
): Promise<ReadonlyMap<string, TaskSummary>> {
  const tasks = new Map<string, TaskSummary>();
  const isRead = async (): Promise<boolean> => {
    tasks.clear();
    try {
      for await (const task of client.list(filter)) tasks.set(task.id, task);
      return true;
    } catch (error) {
      if (error instanceof NoQuorumError) return false;
      throw error;
    }
  };
  if (!await eventually(isRead, PATIENCE_MS, 200)) throw new Error("Cannot list the tasks: no quorum");
  return tasks;
}

/** Some that have ended, some that run, some that wait. */
async function submit(client: Client, nodeCount: number): Promise<void> {
  const ended = await client.submitMany(beat, items("ended", ENDED_COUNT));
  await client.submitMany(lasting, items("held", HELD_PER_NODE * nodeCount));
  await client.submitMany(beat, items("waiting", WAITING_COUNT), { requires: { nobody: "has" } });
  await client.submitMany(beat, items("later", WAITING_COUNT), { delayMs: 3_600_000 });
  await Promise.all(ended.map((handle) => handle.done()));
  const areHeld = async (): Promise<boolean> =>
    (await listed(client, { states: ["leased"] })).size === HELD_PER_NODE * nodeCount;
  if (!await eventually(areHeld, PATIENCE_MS, 200)) {
    throw new Error("Cannot begin: not every lasting task runs");
  }
}

// ---- one case ---------------------------------------------------------------------------------------------

async function recoverOf(report: Report, dead: Dead, left: number): Promise<string[]> {
  const directory = `${dead.directory}-left-${left}`;
  // not always the same ones
  const names = dead.names.map((_, at) => dead.names[(at + left) % dead.names.length]!).slice(0, left).sort();
  for (const name of names) cpSync(join(dead.directory, name), join(directory, name), { recursive: true });
  const data = names.flatMap((name) => ["--data", join(directory, name)]);
  const shown = await stolos("node", ["recover", ...data, "--json"]);
  const written = await stolos("node", ["recover", ...data, "--json", "--yes"]);
  const which = `${left} of ${dead.names.length} left`;
  report.check(`${which}: it is written, as it was shown`, written.code === 0, written.stderr.trim());
  const [said, saidBefore] = [written, shown].map(({ json }) => json()[0]);
  const isAlike = JSON.stringify({ ...saidBefore, written: 1, cluster: 1 }) ===
    JSON.stringify({ ...said, written: 1, cluster: 1 });
  if (!isAlike) {
    report.check(`${which}: the dry run said the same`, false, `${shown.stdout}${written.stdout}`);
  }
  const { lost, doubtful, stale, tasks } = said as unknown as Said;
  checkSaid(report, which, { dead, names, said: said as unknown as Said });
  const startMs = performance.now();
  await using cluster = await clusterOf(directory, names);
  cluster.start();
  await cluster.ready(names, 2 * PATIENCE_MS);
  await using client = await cluster.client();
  const there = await checkThere(report, which, { dead, client, said: said as unknown as Said });
  await checkGoesOn(report, which, { dead, client, there });
  const tookMs = performance.now() - startMs;
  await cluster.kill();
  const gone = dead.tasks.size - there.size;
  return [dead.names.length, left, lost.length, doubtful.length, tasks, gone, stale.length].map(String)
    .concat(`${(tookMs / 1000).toFixed(1)} s`);
}

interface Case {
  readonly dead: Dead;
  readonly said: Said;
}

/** By the roster: which partitions have no copy left, or less than a majority. */
function checkSaid(
  report: Report,
  which: string,
  { dead: { roster, names: all }, names, said }: Case & { readonly names: readonly string[] },
): void {
  const left = new Set(roster.members.filter(({ name }) => names.includes(name)).map(({ no }) => no));
  const counts = keepersOf(roster).map((keepers) => ({
    has: keepers.filter((no) => left.has(no)).length,
    of: keepers.length,
  }));
  const lost = counts.flatMap(({ has }, p) => has === 0 ? [p] : []);
  const doubtful = counts.flatMap(({ has, of }, p) => has > 0 && has <= of / 2 ? [p] : []);
  const isRight = String(said.lost) === String(lost) && String(said.doubtful) === String(doubtful);
  report.check(
    `${which}: partitions without a copy, and in doubt, are named`,
    isRight,
    isRight ? "" : JSON.stringify(said),
  );
  const missing = all.filter((name) => !names.includes(name));
  const isNamed = String([...said.members].sort()) === String(names) &&
    String([...said.missing].sort()) === String(missing);
  report.check(
    `${which}: who is left and who is missing is named`,
    isNamed,
    `${said.members} ${said.missing}`,
  );
}

/** Returns the tasks that are there. */
async function checkThere(
  report: Report,
  which: string,
  { dead: { tasks, roster }, client, said }: Case & { readonly client: Client },
): Promise<ReadonlyMap<string, TaskSummary>> {
  const there = await listed(client);
  const [lost, doubtful] = [new Set(said.lost), new Set(said.doubtful)];
  const wrong: string[] = [];
  const stale: string[] = [];
  const ended: string[] = [];
  for (const [id, before] of tasks) {
    const p = partitionOf(id, roster.chains.length);
    const task = there.get(id);
    if (lost.has(p)) {
      if (task) wrong.push(`${id} is there though p${p} is lost`);
    } else if (doubtful.has(p)) {
      if (task && task.state !== "completed") stale.push(id);
    } else if (!task) wrong.push(`${id} is missing though p${p} is safe`);
    else if (before.state === "completed") ended.push(id);
  }
  for (const task of await Promise.all(ended.map((id) => client.get(id)))) {
    if (task?.state === "completed" && task.result === "done") continue;
    wrong.push(`${task?.id} was completed, and is ${task?.state} with ${task?.result}`);
  }
  report.check(
    `${which}: what is not called lost or doubtful is there, with its results`,
    wrong.length === 0,
  );
  for (const problem of wrong.slice(0, 5)) report.say(problem);
  const isNamed = String(stale.sort()) === String([...said.stale].sort());
  report.check(`${which}: the ${stale.length} unfinished tasks in doubt are named, and no others`, isNamed);
  report.check(`${which}: the number of tasks is right`, said.tasks === there.size, `${there.size}`);
  return there;
}

async function checkGoesOn(
  report: Report,
  which: string,
  { dead: { tasks }, client, there }: {
    readonly dead: Dead;
    readonly client: Client;
    readonly there: ReadonlyMap<string, TaskSummary>;
  },
): Promise<void> {
  const held = [...there.keys()].filter((id) => id.startsWith("held-"));
  const isHigher = (task: TaskSummary | undefined): boolean =>
    task !== undefined && BigInt(task.fence) > BigInt(tasks.get(task.id)?.fence ?? "0");
  const runAgain = async (): Promise<boolean> => {
    const leased = await listed(client, { states: ["leased"] });
    return held.every((id) => isHigher(leased.get(id)));
  };
  const isHeld = await eventually(runAgain, PATIENCE_MS, 200);
  report.check(`${which}: the ${held.length} that were held run again, under higher fences`, isHeld);
  const gone = items("ended", ENDED_COUNT).filter(({ id }) => !there.has(id));
  const handles = await client.submitMany(beat, [...gone, ...items("new", 50)]);
  const ends = await Promise.all(handles.map((handle) => handle.done()));
  const areDone = ends.every(({ state }) => state === "completed") && handles.every(({ created }) => created);
  report.check(`${which}: ${gone.length} that are gone and 50 new ones are submitted and run`, areDone);
  const fences = await Promise.all(gone.slice(0, 20).map(({ id }) => client.get(id)));
  if (!fences.every(isHigher)) report.check(`${which}: their fences have grown`, false);
}

// ---- killed in the middle ---------------------------------------------------------------------------------

/** As soon as it has laid down what it will write, and a little later each time. */
async function killTheCommand(report: Report, { names, directory }: Dead): Promise<void> {
  const left = names.slice(0, 3);
  let cutCount = 0;
  for (let round = 0; round < KILLS; round++) {
    const copies = left.map((name) => join(`${directory}-killed-${round}`, name));
    for (const [at, name] of left.entries()) cpSync(join(directory, name), copies[at]!, { recursive: true });
    const args = ["recover", ...copies.flatMap((copy) => ["--data", copy]), "--json"];
    await killedAtWork([...args, "--yes"], copies, round);
    const again = await stolos("node", [...args, "--yes"]);
    const after = await stolos("node", args);
    const [saidAgain, said] = [again, after].map(({ json }) => json()[0] as unknown as Said | undefined);
    if (saidAgain?.unfinished) cutCount++;
    const isWhole = again.code === 0 && saidAgain?.tasks === said?.tasks && said?.needed === false &&
      said.from.includes("-of-") && String([...said.members].sort()) === String(left);
    const text = `${again.stdout}${again.stderr}${after.stdout}${after.stderr}`;
    report.check(`killed ${round + 1}: the same run again ends it`, isWhole, isWhole ? "" : text);
  }
  report.say(`${cutCount} of ${KILLS} were killed between two directories`);
}

async function killedAtWork(
  args: readonly string[],
  copies: readonly string[],
  afterMs: number,
): Promise<void> {
  const [command = "", ...rest] = commandOn("node", "src/cli/main.ts", args);
  const child = spawn(command, rest, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const isAtWork = (): boolean => copies.some((copy) => existsSync(join(copy, "state", "stolos.recovery")));
  while (child.exitCode === null && !isAtWork()) await new Promise((resolve) => setImmediate(resolve));
  await Promise.race([ended, delay(afterMs)]);
  child.kill("SIGKILL");
  await ended;
}
