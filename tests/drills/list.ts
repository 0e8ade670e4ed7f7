/**
 * Show: tasks with large results, progress and errors are listed by every filter, through each runtime's
 * client and command line, while others come and go. Each task that does not change is there exactly once.
 * --tasks 2000 --chars 4000 --runtime deno.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { type Client, connectClient } from "../../mod.ts";
import { optionOf } from "../sim/options.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import type { ListJob, ListResult } from "../support/list-client.ts";
import { sized, type SizedInput } from "../support/list-handlers.ts";

const TASK_COUNT = Number(optionOf("tasks", "2000"));
const CHARS = Number(optionOf("chars", "4000"));
const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const CALL_MS = 120_000;
const PATIENCE_MS = 600_000;
/** Through whose client and command line. */
const ASKED = RUNTIMES.filter((each) => optionOf("runtime", each) === each);
const PASSING_EVERY_MS = 50;
const OF_NODE = "of one node";

/** A filter, how the command line says it, and which of the tasks it is to name. */
interface Case {
  readonly what: string;
  readonly filter: ListJob["filters"][number];
  readonly args: readonly string[];
  readonly due: (task: Made) => boolean;
}

interface Made {
  readonly id: string;
  readonly state: "completed" | "failed" | "leased" | "pending";
  readonly tags: readonly string[];
}

/** What it is to become, by its number: six of ten complete, two fail, one runs, one waits for ever. */
function made(at: number): Made {
  const state = (["completed", "failed", "completed", "leased", "completed"] as const)[at % 5]!;
  const isWaiting = at % 10 === 8;
  const tags = at % 3 === 0 ? ["eu", `day-${at % 7}`] : [`day-${at % 7}`];
  return { id: `task-${String(at).padStart(6, "0")}`, state: isWaiting ? "pending" : state, tags };
}

function inputOf({ state }: Made): SizedInput {
  return { end: state === "leased" ? "held" : state === "failed" ? "failed" : "completed", chars: CHARS };
}

async function submit(client: Client, tasks: readonly Made[]): Promise<void> {
  const retry = { backoffMs: 0, maxMs: 0, jitter: 0 };
  const items = tasks.map((task) => ({
    ...{ id: task.id, input: inputOf(task), tags: task.tags },
    ...(task.state === "pending" ? { requires: { nobody: "has" } } : {}),
  }));
  await client.submitMany(sized, items, { attempts: 8, retry, timeoutMs: CALL_MS });
}

/** Until every task is in the state that it is to have. */
async function areSettled(client: Client, tasks: readonly Made[]): Promise<boolean> {
  const dueById = new Map(tasks.map(({ id, state }) => [id, state as string]));
  for await (const { id, state } of client.list({ idPrefix: "task-" })) {
    if (dueById.get(id) === state) dueById.delete(id);
  }
  return dueById.size === 0;
}

/** Tasks that come, end and are forgotten as long as the lists are read. Returns how many there were. */
async function passing(client: Client, signal: AbortSignal): Promise<number> {
  let count = 0;
  for (; !signal.aborted; count++) {
    const id = `passing-${count}`;
    const handle = await client.submit(sized, { end: "completed", chars: 10 }, { id, tags: ["eu"] });
    await handle.done();
    if (count % 2 === 0) await client.purge(id);
    await delay(PASSING_EVERY_MS);
  }
  return count;
}

function casesOf(node: string, since: string, until: string): readonly Case[] {
  const byState = (...states: readonly Made["state"][]): Case => ({
    what: states.join(" or "),
    filter: { states },
    args: states.flatMap((state) => ["--state", state]),
    due: ({ state }) => states.includes(state),
  });
  const of = (what: string, filter: Case["filter"], args: readonly string[], due: Case["due"]): Case => ({
    ...{ what, filter, args, due },
  });
  const all = (): boolean => true;
  const none = (): boolean => false;
  const both = { submittedSince: since, submittedUntil: until };
  return [
    of("all", {}, [], all),
    ...[byState("completed"), byState("failed"), byState("leased", "pending")],
    of("of a name", { name: "sized" }, ["--name", "sized"], all),
    of("of no name", { name: "none" }, ["--name", "none"], none),
    of("with a tag", { tag: "eu" }, ["--tag", "eu"], ({ tags }) => tags.includes("eu")),
    of(
      "with an id",
      { idPrefix: "task-0000" },
      ["--id-prefix", "task-0000"],
      ({ id }) => id.startsWith("task-0000"),
    ),
    of(OF_NODE, { node }, ["--node", node], none),
    of("of the first hour", both, ["--since", since, "--until", until], all),
    of("before all", { submittedUntil: since }, ["--until", since], none),
    of(
      "tag, states and id",
      { tag: "day-3", states: ["failed", "leased"], idPrefix: "task-" },
      [...["--tag", "day-3", "--state", "failed", "--state", "leased", "--id-prefix", "task-"]],
      ({ state, tags }) => tags.includes("day-3") && (state === "failed" || state === "leased"),
    ),
  ];
}

async function throughClient(runtime: Runtime, job: ListJob): Promise<ListResult[]> {
  const [command = "", ...args] = commandOn(runtime, "tests/support/list-client.ts", [JSON.stringify(job)]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (data: string) => text += data);
  await new Promise((resolve) => child.once("close", resolve));
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as ListResult);
}

async function throughCommand(runtime: Runtime, args: readonly string[]): Promise<ListResult> {
  const startMs = performance.now();
  const result = await stolos(runtime, ["tasks", "--json", ...args]);
  const all = result.json().map(({ id }) => String(id));
  const ids = all.filter((id) => !id.startsWith("passing-"));
  return { ids, lines: all.length, ms: performance.now() - startMs };
}

/** Those that run on the node are known by the list alone: they are some of those that are held. */
function judge(report: Report, who: string, each: Case, tasks: readonly Made[], result: ListResult): void {
  const { ids, lines, ms } = result;
  const isByNode = each.what === OF_NODE;
  const may = new Set(
    tasks.filter(isByNode ? ({ state }) => state === "leased" : each.due).map(({ id }) => id),
  );
  const seen = new Set(ids);
  const strange = ids.filter((id) => !may.has(id)).length;
  const missing = isByNode ? 0 : [...may].filter((id) => !seen.has(id)).length;
  const isRight = seen.size === ids.length && strange === 0 && missing === 0 && (!isByNode || seen.size > 0);
  const wrong = `${ids.length - seen.size} twice, ${missing} missing, ${strange} that should not be there`;
  report.check(
    `${who}, ${each.what}: each once`,
    isRight,
    `${lines} lines in ${seconds(ms)}${isRight ? "" : `; ${wrong}`}`,
  );
}

await runShow(`${TASK_COUNT} tasks of up to ${CHARS} characters each, listed`, async (report, directory) => {
  await using cluster = await Cluster.start({
    namespace: `show-list-${process.pid}`,
    runtimes: RUNTIMES,
    args: [
      ...["--handlers", join(import.meta.dirname, "../support/list-handlers.ts")],
      ...["--capacity", String(TASK_COUNT), "--lease-ttl", "20s"],
    ],
    env: { STOLOS_BEATS: directory },
  });
  const connect = { ...await cluster.reach(), timeoutMs: CALL_MS };
  const reach = [...await cluster.clientArgs(), "--timeout", `${CALL_MS}ms`];
  await using client = await connectClient(connect);
  const tasks = Array.from({ length: TASK_COUNT }, (_, at) => made(at));
  const from = new Date(Date.now() - 60_000);
  await submit(client, tasks);
  report.check(
    "all are as they shall be",
    await eventually(() => areSettled(client, tasks), PATIENCE_MS, 1000),
  );
  const [since, until] = [from, new Date(from.getTime() + 3_600_000)].map((time) => time.toISOString());
  const cases = casesOf("node-0", since!, until!);
  const ending = new AbortController();
  const comingAndGoing = passing(client, ending.signal);
  for (const runtime of ASKED) {
    const results = await throughClient(runtime, { connect, filters: cases.map(({ filter }) => filter) });
    report.check(`${runtime}'s client has answered all`, results.length === cases.length);
    for (const [at, result] of results.entries()) {
      judge(report, `${runtime}'s client`, cases[at]!, tasks, result);
    }
    for (const each of cases) {
      const result = await throughCommand(runtime, [...reach, ...each.args]);
      judge(report, `${runtime}'s command`, each, tasks, result);
    }
  }
  ending.abort();
  report.say(`${await comingAndGoing} others came and went meanwhile`);
});
