/**
 * Show: SIGKILL of the peer that is steward of most partitions while 300 tasks run. When does the last orphan
 * run again, did any task ever run twice at once, was any lost? Then the leash: the same with commands.
 */
import { join } from "node:path";
import type { PeerProcess } from "../../examples/demo/peer-process.ts";
import { beatingCommand } from "../../examples/demo/command.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import type { Attempt } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { beat } from "../support/beat-handlers.ts";
import { Cluster } from "../support/cluster.ts";
import { delay, eventually, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

const TASK_COUNT = 300;
const TASK_MS = 18_000;
/** Younger tasks would be suspected of the kill. */
const GROWN_UP_MS = 6000;
const LEASE_MS = 4000;
const TAKEOVER_MS_MAX = 6000;
const COMMAND_COUNT = 30;

await runShow(`SIGKILL of the main steward while ${TASK_COUNT} tasks run`, async (report, directory) => {
  await using cluster = await Cluster.start({
    namespace: `show-kill-${process.pid}`,
    runtimes: ["node", "node", "node"],
    args: [
      "--handlers",
      join(import.meta.dirname, "../support/beat-handlers.ts"),
      "--capacity",
      "400",
    ],
    directory,
    env: { STOLOS_BEATS: directory },
  });
  const ids = await submitAll(cluster, directory);
  const isRunning = (): boolean => readAttempts(directory).length >= ids.length;
  report.check("all tasks run", await eventually(isRunning, 10_000), `${readAttempts(directory).length}`);
  await delay(GROWN_UP_MS);

  const victim = await mainSteward(cluster, report);
  const killedMs = Date.now();
  victim.signal("SIGKILL");
  const isFinished = (): boolean => tally(ids, readAttempts(directory)).lost.length === 0;
  await eventually(isFinished, TASK_MS * 3, 200);
  judge(report, ids, readAttempts(directory), killedMs);
  await checkRecorded(report, cluster, ids);
});

async function submitAll(cluster: Cluster, directory: string): Promise<string[]> {
  await using client = await connectClient(await reach(cluster));
  const beats = await client.submitMany(
    beat,
    Array.from({ length: TASK_COUNT }, (_, index) => ({ id: `beat-${index}`, input: { ms: TASK_MS } })),
  );
  const commands = await client.submitMany(
    exec,
    Array.from({ length: COMMAND_COUNT }, (_, index) => {
      const id = `command-${index}`;
      return { id, input: { argv: beatingCommand(id, join(directory, `${id}.log`), TASK_MS) } };
    }),
  );
  return [...beats, ...commands].map((handle) => handle.id);
}

async function reach(cluster: Cluster): Promise<{ namespace: string; join: string[]; mdns: boolean }> {
  return { namespace: cluster.namespace, join: await cluster.addresses(), mdns: false };
}

async function mainSteward(cluster: Cluster, report: Report): Promise<PeerProcess> {
  await using client = await connectClient(await reach(cluster));
  const nodes = [...await client.nodes()].sort((a, b) => b.stewardOf - a.stewardOf);
  for (const node of nodes) {
    report.say(`${node.name}: steward of ${node.stewardOf} partitions, runs ${node.tasks} tasks`);
  }
  const [first] = nodes;
  const victim = cluster.peers.find((peer) => peer.events[0]?.node === first?.node);
  if (victim === undefined) throw new Error("Cannot find the main steward among the peers");
  report.say(`SIGKILL to ${first?.name}`);
  return victim;
}

function judge(report: Report, ids: readonly string[], attempts: readonly Attempt[], killedMs: number): void {
  const killedNs = BigInt(killedMs) * 1_000_000n;
  const result = tally(ids, attempts);
  const orphans = ids.filter((id) =>
    attempts.some((attempt) =>
      attempt.task === id && !attempt.isEnded && attempt.lastNs < killedNs + BigInt(LEASE_MS) * 1_000_000n
    )
  );
  const againMs = orphans.map((id) => {
    const later = attempts.filter((attempt) => attempt.task === id && attempt.firstNs > killedNs);
    const first = later.reduce(
      (min, each) => each.firstNs < min ? each.firstNs : min,
      later[0]?.firstNs ?? 0n,
    );
    return later.length === 0 ? Infinity : Number(first - killedNs) / 1e6;
  }).sort((a, b) => a - b);
  const lastMs = againMs.at(-1) ?? 0;
  report.say(
    `${orphans.length} orphans; first again after ${seconds(againMs[0] ?? 0)}, median ${
      seconds(againMs[againMs.length >> 1] ?? 0)
    }, last ${seconds(lastMs)} (lease ${seconds(LEASE_MS)})`,
  );
  report.check("there were orphans", orphans.length > 0);
  report.check(
    `the last orphan runs again within ${seconds(TAKEOVER_MS_MAX)}`,
    lastMs <= TAKEOVER_MS_MAX,
    seconds(lastMs),
  );
  report.check(
    "no task was ever live twice at once",
    result.overlapped.length === 0,
    result.overlapped.join(" "),
  );
  report.check("no task was lost", result.lost.length === 0, result.lost.join(" "));
  const restarted = result.restarted - orphans.length;
  report.check("no healthy task was restarted", restarted <= 0, `${result.restarted} restarted`);
}

async function checkRecorded(report: Report, cluster: Cluster, ids: readonly string[]): Promise<void> {
  await using client = await connectClient(await reach(cluster));
  let open: string[] = [];
  await eventually(
    async () => {
      const states = new Map<string, string>();
      for await (const info of client.list()) states.set(info.id, info.state);
      open = ids.filter((id) => states.get(id) !== "completed");
      return open.length === 0;
    },
    10_000,
    500,
  );
  report.check("the cluster has recorded every task as completed", open.length === 0, open.join(" "));
}
