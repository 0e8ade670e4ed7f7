/**
 * Show: SIGSTOP of a peer for three leases, then SIGCONT. Its handlers' signals have aborted, what they
 * return late is refused, its commands ended with their leases, and `stolos task ID` says why.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beatingCommand } from "../../examples/demo/command.ts";
import type { PeerProcess } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { beat, stubborn } from "../support/beat-handlers.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import { delay, eventually, runShow } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

const LEASE_MS = 4000;
const TASK_MS = 20_000;
const COUNT = 15;
/** The stubborn are due while their peer is stopped: they return right after SIGCONT. */
const STUBBORN_MS = 6000;

await runShow("SIGSTOP of a peer for three leases, then SIGCONT", async (report, directory) => {
  await using cluster = await startCluster(directory);
  const ids = await submitAll(cluster, directory);
  await eventually(() => readAttempts(directory).length >= ids.beats.length, 10_000);
  await delay(1500);
  const victim = busiest(cluster);
  const held = heldBy(victim);
  report.say(`SIGSTOP to ${victim.events[0]?.node}, which runs ${held.length} tasks`);
  victim.signal("SIGSTOP");
  const stoppedMs = Date.now();
  await delay(3 * LEASE_MS);
  const seenBefore = victim.events.length;
  victim.signal("SIGCONT");
  report.say("SIGCONT");
  const hasLost = (id: string): boolean =>
    victim.events.some((each) => each.event === "task:lost" && each.task === id);
  await eventually(() => held.every(hasLost), 10_000);

  const notes = notesOf(directory, victim);
  const late = held.filter((id) => ids.stubborn.includes(id));
  report.check("the peer held tasks that ignore their signal", late.length > 0, `${late.length}`);
  const aborted = late.filter((id) => notes.some((line) => line.startsWith(`${id} aborted `)));
  report.check(
    "their signals have aborted",
    aborted.length === late.length,
    `${aborted.length} of ${late.length}`,
  );
  const after = victim.events.slice(seenBefore);
  const lost = new Set(after.filter((event) => event.event === "task:lost").map((event) => event.task));
  const silent = held.filter((id) => !lost.has(id));
  const sample = after.find((event) => event.event === "task:lost");
  report.say(JSON.stringify(sample));
  report.check("the peer says of each task that it lost it", silent.length === 0, `${lost.size} lost`);
  for (const id of silent) report.say(`${id}: ${JSON.stringify(after.filter((event) => event.task === id))}`);
  const accepted = after.filter((event) => event.event === "task:done" && late.includes(event.task ?? ""));
  report.check(
    "none of what they returned late was accepted",
    accepted.length === 0,
    `${accepted.length} accepted`,
  );
  await showTask(report, cluster, late[0] ?? "");

  await judge(report, directory, { all: [...ids.beats, ...ids.commands], held, stoppedMs });
});

/** What the disk says, once all is over. */
async function judge(
  report: Report,
  directory: string,
  seen: { readonly all: readonly string[]; readonly held: readonly string[]; readonly stoppedMs: number },
): Promise<void> {
  const { all, held, stoppedMs } = seen;
  await eventually(() => tally(all, readAttempts(directory)).lost.length === 0, TASK_MS * 5, 200);
  const attempts = readAttempts(directory);
  const result = tally(all, attempts);
  report.check(
    "no task was ever live twice at once",
    result.overlapped.length === 0,
    result.overlapped.join(" "),
  );
  report.check("no task was lost", result.lost.length === 0, result.lost.join(" "));
  const overrun = attempts.filter((each) =>
    each.task.startsWith("command-") && held.includes(each.task) &&
    each.firstNs < BigInt(stoppedMs) * 1_000_000n &&
    each.lastNs > BigInt(stoppedMs + LEASE_MS) * 1_000_000n
  );
  report.check(
    "the stopped peer's commands ended with their leases",
    overrun.length === 0,
    `${overrun.length} ran on`,
  );
}

async function submitAll(
  cluster: Cluster,
  directory: string,
): Promise<{ beats: string[]; stubborn: string[]; commands: string[] }> {
  await using client = await connectClient({
    namespace: cluster.namespace,
    join: await cluster.addresses(),
    mdns: false,
  });
  const specs = (name: string, ms: number): { id: string; input: { ms: number } }[] =>
    Array.from({ length: COUNT }, (_, index) => ({ id: `${name}-${index}`, input: { ms } }));
  const commands = Array.from({ length: COUNT }, (_, index) => {
    const id = `command-${index}`;
    return { id, input: { argv: beatingCommand(id, join(directory, `${id}.log`), TASK_MS) } };
  });
  const idsOf = (handles: readonly { readonly id: string }[]): string[] => handles.map((handle) => handle.id);
  return {
    beats: idsOf(await client.submitMany(beat, specs("beat", TASK_MS))),
    stubborn: idsOf(await client.submitMany(stubborn, specs("stubborn", STUBBORN_MS))),
    commands: idsOf(await client.submitMany(exec, commands)),
  };
}

function heldBy(peer: PeerProcess): string[] {
  const held = new Set<string>();
  for (const { event, task = "" } of peer.events) {
    if (event === "task:start") held.add(task);
    else if (/^task:(done|error|lost|released)$/.test(event)) held.delete(task);
  }
  return [...held];
}

function busiest(cluster: Cluster): PeerProcess {
  return cluster.peers.reduce((most, peer) => heldBy(peer).length > heldBy(most).length ? peer : most);
}

function notesOf(directory: string, peer: PeerProcess): string[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(`-${peer.child.pid}.notes`));
  return files.flatMap((file) => readFileSync(join(directory, file), "utf8").split("\n"));
}

async function showTask(report: Report, cluster: Cluster, id: string): Promise<void> {
  const client = await cluster.clientArgs();
  const shown = await stolos("node", ["task", id, ...client]);
  console.log(shown.stdout.trimEnd());
  const [info] = (await stolos("node", ["task", id, "--json", ...client])).json();
  report.check("stolos task shows a second attempt", Number(info?.attempt) >= 2, `attempt ${info?.attempt}`);
  report.check(
    "and why",
    JSON.stringify(info?.errors).length > 2 || info?.why !== null,
    JSON.stringify([info?.why, info?.errors]),
  );
}

function startCluster(directory: string): Promise<Cluster> {
  const handlers = join(import.meta.dirname, "../support/beat-handlers.ts");
  return Cluster.start({
    namespace: `show-pause-${process.pid}`,
    runtimes: ["node", "node", "node"],
    args: ["--handlers", handlers, "--capacity", "400"],
    directory,
    env: { STOLOS_BEATS: directory },
  });
}
