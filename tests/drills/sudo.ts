/**
 * Show: peers of an ordinary user run commands under sudo, which they may not signal. No end is reported and
 * no second attempt begins while such a command lives, whatever is tried. On each runtime; needs root and
 * sudo, and removes the user that it makes.
 */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PeerProcess, Runtime } from "../../examples/demo/peer-process.ts";
import { type Client, connectClient, type TaskInfo } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { Cluster } from "../support/cluster.ts";
import { delay, eventually, type Report, runShow } from "../support/drill.ts";
import { SudoCommand } from "../support/sudo-command.ts";
import { SudoUser } from "../support/sudo-user.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const LEASE_MS = 2000;
/** So long it is watched that nothing happens. */
const WATCHED_MS = 3 * LEASE_MS;
const PATIENCE_MS = 20_000;
const NOT_PERMITTED = /cannot signal group \d+: not permitted/;

interface Bench {
  readonly user: SudoUser;
  readonly cluster: Cluster;
  readonly client: Client;
  /** Whether it holds, for the table. */
  check(claim: string, holds: boolean, seen?: string): void;
}

type Results = Map<string, Map<Runtime, boolean>>;

await runShow("commands under sudo, which their peers may not signal", async (report) => {
  const why = SudoUser.missing();
  if (why !== "") return report.check("this drill can be run here", false, why);
  const results: Results = new Map();
  for (const runtime of RUNTIMES) await drill(runtime, report, results);
  console.log(table(results));
});

async function drill(runtime: Runtime, report: Report, results: Results): Promise<void> {
  using user = new SudoUser();
  await using cluster = await Cluster.start({
    namespace: `show-sudo-${runtime}-${process.pid}`,
    runtimes: [runtime, runtime, runtime],
    args: ["--lease-ttl", `${LEASE_MS}ms`],
    directory: user.directory,
    prefix: user.prefix,
  });
  await using client = await connectClient(await cluster.reach());
  const check = (claim: string, holds: boolean, seen?: string): void => {
    report.check(`${runtime}: ${claim}`, holds, seen);
    const row = results.get(claim) ?? new Map<Runtime, boolean>();
    results.set(claim, row.set(runtime, (row.get(runtime) ?? true) && holds));
  };
  const bench: Bench = { user, cluster, client, check };
  await released(bench);
  await killed(bench);
  await supervisorKilled(bench);
  await peerStopped(bench);
  await obedient(bench);
  await neighbour(bench);
}

interface Running extends Disposable {
  readonly id: string;
  readonly command: SudoCommand;
  /** Process of its first attempt. */
  readonly pid: number;
  readonly info: () => Promise<TaskInfo>;
}

async function begin(bench: Bench, id: string, how: "stubborn" | "obedient" = "stubborn"): Promise<Running> {
  const beats = mkdtempSync(join(bench.user.directory, "beats-"));
  const command = new SudoCommand(join(beats, id), how);
  await bench.client.submit(exec, { argv: [...command.argv] }, { id });
  const pid = await command.attempt(1, PATIENCE_MS);
  const info = async (): Promise<TaskInfo> => {
    const found = await bench.client.get(id);
    if (found === undefined) throw new Error(`Cannot find task ${id}`);
    return found;
  };
  return { id, command, pid, info, [Symbol.dispose]: () => command[Symbol.dispose]() };
}

async function whyOf({ info }: Running): Promise<string> {
  await eventually(async () => NOT_PERMITTED.test((await info()).why ?? ""), PATIENCE_MS, 200);
  return (await info()).why ?? "";
}

async function released(bench: Bench): Promise<void> {
  using running = await begin(bench, "released");
  const { command, pid, info } = running;
  await bench.client.command("released", { type: "release" });
  const isAlone = await command.livesAlone(pid, WATCHED_MS);
  bench.check("released: no second attempt beside it", isAlone, `${command.attempts.length}`);
  bench.check(
    "released: its attempt stays held",
    (await info()).state === "leased" && (await info()).attempt === 1,
  );
  const why = await whyOf(running);
  bench.check("released: `why` says so", NOT_PERMITTED.test(why), why);
  const held = bench.cluster.peers.flatMap(({ events }) => events).find(({ event, task }) =>
    event === "exec:held" && task === "released"
  );
  bench.check("released: an event says so", NOT_PERMITTED.test(held?.reason ?? ""), held?.reason);
  command.end(pid);
  const second = await command.attempt(2, PATIENCE_MS);
  const gapMs = command.firstBeatMs(second) - command.lastBeatMs(pid);
  bench.check("released: once it has ended the next attempt begins", gapMs > 0, `${gapMs} ms later`);
  bench.check(
    "released: and then `why` says nothing any more",
    (await info()).why === null,
    (await info()).why ?? "",
  );
  await endForGood(bench, running, second);
}

/** For the scenes that leave a task behind: killed, and its process with it. */
async function endForGood(bench: Bench, { id, command, info }: Running, pid: number): Promise<void> {
  await bench.client.command(id, { type: "kill" });
  await delay(300);
  command.end(pid);
  await eventually(async () => (await info()).state === "killed", PATIENCE_MS);
}

async function killed(bench: Bench): Promise<void> {
  using running = await begin(bench, "killed");
  const { command, pid, info } = running;
  await bench.client.command("killed", { type: "kill" });
  const isAlone = await command.livesAlone(pid, WATCHED_MS);
  const { state } = await info();
  bench.check("killed: not reported killed while it lives", isAlone && state === "leased", state);
  const why = await whyOf(running);
  bench.check("killed: `why` says so", why.includes("kill") && NOT_PERMITTED.test(why), why);
  command.end(pid);
  await eventually(async () => (await info()).state === "killed", PATIENCE_MS);
  bench.check("killed: it is once it has ended", (await info()).state === "killed");
  bench.check("killed: there was one attempt", command.attempts.length === 1);
}

/** The peer's process that supervises commands. */
function supervisorOf(peer: PeerProcess): number {
  const children = readFileSync(`/proc/${peer.child.pid}/task/${peer.child.pid}/children`, "utf8").trim();
  const found = children.split(" ").map(Number).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("leash")
  );
  if (found === undefined) throw new Error(`Cannot find the supervisor of peer ${peer.child.pid}`);
  return found;
}

async function holderOf(bench: Bench, { info }: Running): Promise<PeerProcess> {
  const { owner } = await info();
  const holder = bench.cluster.peers.find(({ events }) => events[0]?.node === owner);
  if (holder === undefined) throw new Error(`Cannot find the peer ${owner}`);
  return holder;
}

async function supervisorKilled(bench: Bench): Promise<void> {
  using running = await begin(bench, "orphaned");
  const { command, pid, info } = running;
  process.kill(supervisorOf(await holderOf(bench, running)), "SIGKILL");
  const isAlone = await command.livesAlone(pid, WATCHED_MS);
  bench.check("supervisor killed: no second attempt beside it", isAlone, `${command.attempts.length}`);
  const why = await whyOf(running);
  bench.check("supervisor killed: `why` says so", NOT_PERMITTED.test(why), why);
  command.end(pid);
  const second = await command.attempt(2, PATIENCE_MS);
  const { errors } = await info();
  bench.check("supervisor killed: nothing is charged to the task", errors.length === 0, errors[0]?.message);
  await endForGood(bench, running, second);
}

/** Here the lease ends, and others may begin: only the fence protects, and the pages say so. */
async function peerStopped(bench: Bench): Promise<void> {
  using running = await begin(bench, "stopped");
  const { command, pid, info } = running;
  const holder = await holderOf(bench, running);
  holder.signal("SIGSTOP");
  const stoppedMs = Date.now();
  await eventually(() => command.lastBeatMs(pid) > stoppedMs + WATCHED_MS, WATCHED_MS + 1000);
  const { fence } = await info();
  holder.signal("SIGCONT");
  await delay(LEASE_MS);
  const ended = holder.events.filter(({ event, task, fence: of }) =>
    event === "task:released" && task === "stopped" && of === fence
  );
  bench.check("peer stopped past the lease: no end is reported", ended.length === 0);
  command.end(pid);
  for (const other of command.attempts) command.end(other);
  await bench.client.command("stopped", { type: "kill" });
  await eventually(
    async () => {
      for (const other of command.attempts) command.end(other);
      return (await info()).state === "killed";
    },
    PATIENCE_MS,
    300,
  );
}

async function obedient(bench: Bench): Promise<void> {
  using running = await begin(bench, "obedient", "obedient");
  const { command, pid, info } = running;
  await bench.client.command("obedient", { type: "kill" });
  const askedMs = Date.now();
  await eventually(async () => (await info()).state === "killed", PATIENCE_MS);
  const tookMs = command.lastBeatMs(pid) - askedMs;
  bench.check(
    "killed: one that obeys SIGTERM, which sudo passes on, ends at once",
    tookMs < LEASE_MS,
    `${tookMs} ms`,
  );
}

/** No sudo in it: a command that kills its supervisor, beside another. */
async function neighbour(bench: Bench): Promise<void> {
  const { client, user } = bench;
  const directory = join(user.directory, "finish");
  mkdirSync(directory);
  const wait = ["sh", "-c", 'until [ -e "$0/file" ]; do sleep 0.05; done', directory];
  const waits = await Promise.all(
    Array.from(
      { length: 8 },
      (_, at) => client.submit(exec, { argv: wait }, { id: `beside-${at}`, attempts: 1 }),
    ),
  );
  const isRunning = async (): Promise<boolean> => {
    const all = await Promise.all(waits.map(({ id }) => client.get(id)));
    return all.every((info) => info?.state === "leased");
  };
  await eventually(isRunning, PATIENCE_MS);
  const killer = await client.submit(exec, { argv: ["sh", "-c", "kill -9 $PPID; exec sleep 60"] }, {
    id: "killer",
    attempts: 1,
  });
  const outcome = await killer.done({ signal: AbortSignal.timeout(PATIENCE_MS) });
  const error = outcome.state === "failed" ? outcome.error ?? "" : outcome.state;
  bench.check("without sudo: one that kills its supervisor fails", error.includes("supervisor"), error);
  await eventually(isRunning, PATIENCE_MS);
  writeFileSync(join(directory, "file"), "");
  const states = await Promise.all(
    waits.map((each) => each.done({ signal: AbortSignal.timeout(PATIENCE_MS) })),
  );
  const infos = await Promise.all(waits.map(({ id }) => client.get(id)));
  const isUncharged = infos.every((info) => info?.errors.length === 0) &&
    states.every(({ state }) => state === "completed");
  const attempts = infos.map((info) => info?.attempt).join(" ");
  bench.check(
    "without sudo: those beside it complete uncharged",
    isUncharged,
    `attempts ${attempts}`,
  );
}

function table(results: Results): string {
  const width = Math.max(...[...results.keys()].map((claim) => claim.length));
  const line = (claim: string, cells: readonly string[]): string =>
    `${claim.padEnd(width)}  ${cells.map((cell) => cell.padEnd(6)).join("")}`.trimEnd();
  const rows = [...results].map(([claim, row]) =>
    line(claim, RUNTIMES.map((runtime) => row.get(runtime) ? "holds" : "FAILS"))
  );
  return ["", line("", RUNTIMES), ...rows, ""].join("\n");
}
