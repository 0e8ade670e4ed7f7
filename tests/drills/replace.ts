/**
 * Show: of five nodes under load two are killed for good at the same moment. With five keepers of each
 * partition the dead are evicted and the rest has everything; one more may be killed. With three keepers a
 * partition that lost two of them has no majority: it acknowledges nothing more, while all others go on.
 */
import { join } from "node:path";
import type { PeerProcess } from "../../examples/demo/peer-process.ts";
import { connectClient, NoQuorumError } from "../../mod.ts";
import { partitionOf } from "../../src/protocol/context/ring.ts";
import type { Roster } from "../../src/protocol/model/types.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import { isSettled, keepersOf, namesIn, RosterWatch } from "../support/roster-watch.ts";
import { delay, eventually, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";
import { reckon, some, SteadyLoad } from "../support/steady-load.ts";

const PER_SECOND = 30;
const EVICT_AFTER_MS = 10_000;
const REPLACED_MS_MAX = EVICT_AFTER_MS + 10_000;
/** While some partitions wait in vain, those that stand are noted in the roster every 5 s only. */
const NOTED_MS_MAX = REPLACED_MS_MAX + 5000;

await runShow("two of five nodes are killed for good at once", async (report, directory) => {
  await withFiveKeepers(report, directory);
  await withThreeKeepers(report, directory);
});

interface Show {
  readonly report: Report;
  readonly cluster: Cluster;
  readonly watch: RosterWatch;
  readonly load: SteadyLoad;
}

async function withFiveKeepers(report: Report, directory: string): Promise<void> {
  report.say("---- five keepers of each partition");
  await using cluster = await start("five", directory, ["--replication", "5"]);
  await using watch = await RosterWatch.start(await cluster.reach());
  const load = await SteadyLoad.start(cluster, { perSecond: PER_SECOND, prefix: "five" });
  await delay(4000);
  const show = { report, cluster, watch, load };
  await replace(show, cluster.peers.slice(1, 3));
  await replace(show, cluster.peers.slice(3, 4));
  await load.stop();
  report.check("no submit failed", load.failed.length === 0, some(load.failed));
  report.say(
    `${load.acked.length} submits acknowledged, repeated: ${JSON.stringify([...load.repeated])}`,
  );
  await reckon(report, cluster, directory, load.acked);
}

async function start(name: string, directory: string, args: readonly string[] = []): Promise<Cluster> {
  return await Cluster.start({
    namespace: `show-replace-${name}-${process.pid}`,
    runtimes: ["node", "node", "node", "node", "node"],
    args: [
      ...["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts"), "--capacity", "400"],
      ...["--evict-after", `${EVICT_AFTER_MS}ms`, ...args],
    ],
    env: { STOLOS_BEATS: directory },
  });
}

async function replace(show: Show, victims: readonly PeerProcess[]): Promise<void> {
  const { report, cluster, watch, load } = show;
  report.say(`the slowest submit took ${seconds(load.takeAckMsMax())}`);
  const killedMs = await killAll(report, victims);
  const size = cluster.running.length;
  const evicted = await watch.until((roster) => namesIn(roster).length === size, 40_000);
  const settled = await watch.until((roster) => namesIn(roster).length === size && isSettled(roster), 40_000);
  const tookMs = (settled?.atMs ?? Infinity) - killedMs;
  report.say(`evicted after ${seconds((evicted?.atMs ?? Infinity) - killedMs)}`);
  const isWhole = keepersOf(watch.newest!).every((keepers) => keepers.length === size);
  report.check(
    `every partition has ${size} live keepers within ${seconds(REPLACED_MS_MAX)}`,
    isWhole && tookMs <= REPLACED_MS_MAX,
    seconds(tookMs),
  );
  await checkGoesOn(show);
}

async function killAll(report: Report, victims: readonly PeerProcess[]): Promise<number> {
  report.say(`-- SIGKILL to ${victims.length}`);
  const killedMs = performance.now();
  for (const peer of victims) peer.signal("SIGKILL");
  await Promise.all(victims.map((peer) => peer.exited));
  return killedMs;
}

async function checkGoesOn({ report, load }: Show): Promise<void> {
  const before = load.acked.length;
  const goesOn = await eventually(() => load.acked.length >= before + 2 * PER_SECOND, 10_000);
  report.check("work goes on", goesOn, `${load.acked.length - before} more acknowledged`);
}

async function withThreeKeepers(report: Report, directory: string): Promise<void> {
  report.say("---- three keepers of each partition");
  await using cluster = await start("three", directory);
  await using watch = await RosterWatch.start(await cluster.reach());
  const load = await SteadyLoad.start(cluster, { perSecond: PER_SECOND, prefix: "three" });
  await delay(4000);
  const victims = cluster.peers.slice(1, 3);
  const lost = partitionsWithout(watch.newest!, victims);
  // what these partitions acknowledged just before is in the hands of the dead
  const killedMs = await killAll(report, victims);
  const size = cluster.running.length;
  const isReplaced = (roster: Roster): boolean =>
    namesIn(roster).length === size &&
    roster.chains.every((chain, p) => lost.has(p) || chain.length === 1 && chain[0]!.keepers.length === size);
  const replaced = await watch.until(isReplaced, 40_000);
  const tookMs = (replaced?.atMs ?? Infinity) - killedMs;
  const others = watch.newest!.chains.length - lost.size;
  report.check(
    `${others} partitions have three live keepers again within ${seconds(NOTED_MS_MAX)}`,
    tookMs <= NOTED_MS_MAX,
    seconds(tookMs),
  );
  await checkGoesOn({ report, cluster, watch, load });
  await checkLost(report, cluster, lost, load.acked);
  load.giveUp();
  await load.stop();
  const kept = load.acked.filter((id) => !lost.has(partitionOf(id, watch.newest!.chains.length)));
  await reckon(report, cluster, directory, kept, lost);
}

/** Partitions that lose a majority of their keepers with these. */
function partitionsWithout(roster: Roster, victims: readonly PeerProcess[]): Set<number> {
  const dead = new Set(
    roster.members.filter(({ id }) => victims.some((peer) => peer.events[0]?.node === id)).map(({ no }) =>
      no
    ),
  );
  const left = keepersOf(roster).map((keepers) => keepers.filter((no) => !dead.has(no)).length);
  return new Set(left.flatMap((count, p) => count < 2 ? [p] : []));
}

async function checkLost(
  report: Report,
  cluster: Cluster,
  lost: ReadonlySet<number>,
  acked: readonly string[],
): Promise<void> {
  const id = acked.find((each) => lost.has(partitionOf(each, 128)))!;
  await using client = await connectClient({ ...await cluster.reach(), timeoutMs: 3000 });
  const answer = await client.get(id).then(() => "an answer", (error: unknown) => error);
  report.check(
    `${lost.size} partitions have lost their majority: they refuse to answer`,
    answer instanceof NoQuorumError,
    String(answer),
  );
  const { stdout } = await stolos("node", ["nodes", ...await cluster.clientArgs()]);
  const health = stdout.trimEnd().split("\n").at(-1) ?? "";
  report.check("stolos nodes says so", health.includes("LOST"), health);
}
