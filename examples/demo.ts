/**
 * The main job, to watch: three peers (one each on Bun, Deno and Node) run 30 commands, one peer is killed
 * with SIGKILL, the others take over. The tally at the end is made from what the commands themselves wrote
 * to disk. Exits non-zero unless nothing was lost and nothing ever ran twice at once. Leaves no process
 * behind.
 *
 * --binary FILE  all three are a `stolos` that is one file (npm run binaries)
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { connectClient } from "../mod.ts";
import { exec } from "../src/cli/exec/exec.ts";
import { beatingCommand } from "./demo/command.ts";
import { PeerProcess } from "./demo/peer-process.ts";
import type { PeerEvent, Runtime } from "./demo/peer-process.ts";
import { readAttempts, tally } from "./demo/tally.ts";
import type { Tally } from "./demo/tally.ts";

const { binary } = parseArgs({ options: { binary: { type: "string" } } }).values;
const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];
/** Of a peer: its runtime, or its number where all are one binary. */
const nameOf = (index: number): string => binary === undefined ? RUNTIMES[index]! : `peer ${index + 1}`;
const COMMAND_COUNT = 30;
const NAMESPACE = `demo-${process.pid}`;
/** Commands live 8 to 11 s, so that they are in the middle when the peer is killed. */
const LIFE_MS_MIN = 8000;
const LIFE_MS_MAX = 11_000;
/** After the last start. Younger commands would be suspected of the kill, and wait: docs/handlers.md. */
const KILL_AFTER_MS = 6000;
/** A busy machine is waited for. */
const PATIENCE_MS = 180_000;

const startMs = performance.now();
const directory = mkdtempSync(join(tmpdir(), "stolos-demo-"));
const peers: PeerProcess[] = [];
const say = (text: string): void =>
  console.log(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(5)} s  ${text}`);
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let killedAtMs: number | undefined;
let doneCount = 0;
const startsByTask = new Map<string, number>();

function onEvent(name: string, event: PeerEvent): void {
  const { task = "" } = event;
  switch (event.event) {
    case "task:start": {
      const starts = (startsByTask.get(task) ?? 0) + 1;
      startsByTask.set(task, starts);
      if (starts === 1) return;
      const after = killedAtMs === undefined
        ? ""
        : `, ${((performance.now() - killedAtMs) / 1000).toFixed(1)} s after the kill`;
      say(`takeover: ${task} runs on ${name} now, fence ${event.fence}, attempt ${event.attempt}${after}`);
      return;
    }
    case "task:done":
      doneCount += 1;
      if (doneCount % 10 === 0) say(`${doneCount} commands completed`);
      return;
    case "task:error":
    case "task:lost":
      say(`${event.event} on ${name}: ${task}, fence ${event.fence}: ${event.reason ?? ""}`);
      return;
    case "member:down":
    case "quorum:lost":
    case "quorum:regained":
      say(`${name} says ${event.event} ${event.node ?? ""}`);
      return;
    default:
  }
}

async function startPeers(): Promise<void> {
  for (const [index, runtime] of RUNTIMES.entries()) {
    const name = nameOf(index);
    const first = peers[0];
    const args = [
      ...["--namespace", NAMESPACE, "--name", name, "--expect", String(RUNTIMES.length), "--no-mdns"],
      ...["--data", join(directory, name)],
      ...(first === undefined ? [] : ["--join", (await first.addresses())[0] ?? ""]),
    ];
    peers.push(
      new PeerProcess({
        runtime,
        binary: binary === undefined ? undefined : resolve(binary),
        args,
        onEvent: (event) => onEvent(name, event),
      }),
    );
  }
  await Promise.all(peers.map((peer) => peer.ready(PATIENCE_MS)));
}

/** The peer that runs the most commands. */
function busiest(): PeerProcess {
  const load = (peer: PeerProcess): number =>
    peer.events.filter((event) => event.event === "task:start").length;
  return peers.reduce((most, peer) => load(peer) > load(most) ? peer : most);
}

/** Resolves once a quorum has recorded all of them. */
async function submitAll(): Promise<string[]> {
  const addresses = await Promise.all(peers.map((peer) => peer.addresses()));
  await using client = await connectClient({ namespace: NAMESPACE, join: addresses.flat(), mdns: false });
  const specs = Array.from({ length: COMMAND_COUNT }, (_, index) => {
    const id = `command-${String(index + 1).padStart(2, "0")}`;
    const lifeMs = LIFE_MS_MIN + Math.floor(Math.random() * (LIFE_MS_MAX - LIFE_MS_MIN));
    return { id, input: { argv: beatingCommand(id, join(directory, `${id}.log`), lifeMs) } };
  });
  const handles = await client.submitMany(exec, specs, { timeoutMs: PATIENCE_MS });
  return handles.map((handle) => handle.id);
}

async function run(): Promise<boolean> {
  say(
    `three peers start: ${binary ?? RUNTIMES.join(", ")}; their output and the commands' go to ${directory}`,
  );
  await startPeers();
  say("they have founded a cluster of three and are ready");
  const ids = await submitAll();
  say(`${ids.length} commands submitted, each recorded by a quorum`);
  while (startsByTask.size < ids.length && performance.now() - startMs < PATIENCE_MS) await delay(50);
  await delay(KILL_AFTER_MS);

  const victim = busiest();
  const name = nameOf(peers.indexOf(victim));
  say(`SIGKILL to ${binary === undefined ? `the ${name} peer` : name}, which runs the most of them`);
  killedAtMs = performance.now();
  victim.signal("SIGKILL");
  const remaining = peers.filter((peer) => peer !== victim);
  while (performance.now() - startMs < PATIENCE_MS) {
    const result = tally(ids, readAttempts(directory));
    if (result.lost.length === 0) break;
    if (remaining.some((peer) => !peer.isRunning)) throw new Error("Cannot go on: a second peer has ended");
    await delay(200);
  }
  return report(tally(ids, readAttempts(directory)));
}

function report(result: Tally): boolean {
  const names = (tasks: readonly string[]): string => tasks.length === 0 ? "" : `  ${tasks.join(" ")}`;
  console.log(`
from what the commands wrote to disk under their fences:
  submitted          ${result.submitted}
  completed          ${result.completed}
  started again      ${result.restarted}
  run twice at once  ${result.overlapped.length}${names(result.overlapped)}
  lost               ${result.lost.length}${names(result.lost)}
`);
  return result.lost.length === 0 && result.overlapped.length === 0;
}

/** Every peer ends, and with it its commands; also on Ctrl-C and after an error. */
async function cleanUp(keep: boolean): Promise<void> {
  await Promise.all(peers.map((peer) => peer.stop(3000)));
  if (keep) say(`what the peers and commands wrote is in ${directory}`);
  else rmSync(directory, { recursive: true, force: true });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void cleanUp(false).then(() => process.exit(130)));
}
let isGood = false;
try {
  isGood = await run();
} catch (error) {
  console.error(error);
} finally {
  await cleanUp(!isGood);
}
say(isGood ? "nothing lost, nothing ran twice at once" : "FAILED");
process.exitCode = isGood ? 0 : 1;
