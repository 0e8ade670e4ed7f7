/**
 * Show: five peers with --data become three while tasks are submitted, by `stolos leave`: two at once, then
 * again one after the other. Prints what `stolos nodes` says each second. No submit is refused, nothing that
 * ran is lost. `-- term` stops them with SIGTERM instead, as one did before there was `leave`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readAttempts } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { lasting } from "../support/beat-handlers.ts";
import { Cluster, type CommandResult, stolos } from "../support/cluster.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { reckon, some, SteadyLoad } from "../support/steady-load.ts";

const TASK_COUNT = 50;
const PER_SECOND = 20;
const LEAVERS = ["node-3", "node-4"];
const isTerm = process.argv[2] === "term";
/** Five peers and whatever else on two cores: nobody shall count as lost whom nobody stopped. */
const LEASE_TTL = process.argv[3] ?? "12s";

await runShow("five peers become three while tasks are submitted", async (report, directory) => {
  for (const how of isTerm ? ["term"] as const : ["together", "in turn"] as const) {
    await scaleDown(report, join(directory, how.replace(" ", "-")), how);
  }
});

async function scaleDown(report: Report, directory: string, how: "together" | "in turn" | "term") {
  report.say(`---- ${how === "term" ? "SIGTERM to both at once" : `stolos leave, ${how}`}`);
  mkdirSync(directory);
  await using cluster = await Cluster.start({
    namespace: `show-scale-${process.pid}`,
    runtimes: Array.from({ length: 5 }, () => "node" as const),
    args: [
      ...["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts"), "--capacity", "400"],
      ...["--lease-ttl", LEASE_TTL],
    ],
    env: { STOLOS_BEATS: directory },
    directory,
  });
  const ids = await submitLasting(cluster);
  const load = await SteadyLoad.start(cluster, { perSecond: PER_SECOND });
  const startedCount = (): number => new Set(readAttempts(directory).map(({ task }) => task)).size;
  report.check("all tasks run", await eventually(() => startedCount() >= ids.length, 20_000, 500));
  const watching = new AbortController();
  const watch = sayNodes(report, cluster, watching.signal);
  await delay(2000);
  await takeAway(report, cluster, how);
  await delay(4000);
  watching.abort();
  await watch;
  writeFileSync(join(directory, "finish"), "");
  await load.stop();
  const { UnknownOutcomeError: unknown = 0, ...others } = Object.fromEntries(load.repeated);
  const refused = Object.values(others).reduce((sum, count) => sum + count, 0);
  report.say(`${unknown} submits had no answer in time and were repeated with their ids`);
  report.check(
    `${refused} of ${load.acked.length} submits were refused`,
    refused === 0,
    JSON.stringify(others),
  );
  report.check("no submit failed", load.failed.length === 0, some(load.failed));
  await reckon(report, cluster, directory, [...ids, ...load.acked]);
}

async function submitLasting(cluster: Cluster): Promise<string[]> {
  await using client = await connectClient(await cluster.reach());
  const items = Array.from({ length: TASK_COUNT }, (_, index) => ({ id: `lasting-${index}`, input: {} }));
  return (await client.submitMany(lasting, items)).map((handle) => handle.id);
}

async function takeAway(report: Report, cluster: Cluster, how: "together" | "in turn" | "term") {
  const leavers = cluster.peers.slice(-LEAVERS.length);
  if (how === "term") {
    for (const peer of leavers) peer.signal("SIGTERM");
    await Promise.all(leavers.map((peer) => peer.exited));
    await delay(10_000);
    return;
  }
  const reach = await cluster.clientArgs();
  const run = async (name: string): Promise<void> => {
    const startMs = performance.now();
    const result: CommandResult = await stolos("bun", ["leave", ...reach, name]);
    for (const line of result.stderr.trim().split("\n")) report.say(`  ${line}`);
    const took = seconds(performance.now() - startMs);
    report.check(`stolos leave ${name} ends with 0 after ${took}`, result.code === 0, result.stdout.trim());
  };
  if (how === "together") await Promise.all(LEAVERS.map(run));
  else for (const name of LEAVERS) await run(name);
  const allGone = Promise.all(leavers.map((peer) => peer.exited)).then(() => true);
  report.check("their processes end", await Promise.race([allGone, delay(10_000).then(() => false)]));
  const codes = leavers.map((peer) => peer.child.exitCode);
  report.check("with exit code 0", codes.every((code) => code === 0), codes.join(" "));
  const again = await stolos("bun", ["leave", ...reach, LEAVERS[0]!]);
  report.check("a second leave of one that is gone says so", again.code === 3, again.stderr.trim());
}

/** Once a second, from the first peer's side. */
async function sayNodes(report: Report, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const [first] = cluster.peers;
  const where = { namespace: cluster.namespace, join: [...await first!.addresses()], mdns: false };
  await using client = await connectClient(where);
  const { quorumHealth } = await import("../../src/cli/nodes.ts");
  while (!signal.aborted) {
    const seen = await Promise.all([client.nodes(), client.health()]).catch((error: Error) => error.message);
    if (typeof seen === "string") {
      report.say(`  ${seen}`);
      continue;
    }
    const [all, health] = seen;
    const states = all.map(({ name, state, leaving, serves, keeps }) =>
      `${name} ${state}${leaving ? " leaves" : ""} ${serves}/${keeps}`
    );
    report.say(`  ${states.join(" · ")}`);
    report.say(`    ${quorumHealth(all, health)}`);
    await delay(1000);
  }
}
