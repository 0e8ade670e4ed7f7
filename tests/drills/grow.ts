/**
 * Show: a cluster grows from one node to five and shrinks to one again under a steady load, by processes that
 * join with --join and leave at SIGTERM. How long does each change take, how many keeper roles move, and does
 * the last node, which is not the first one, know how everything ended?
 */
import { join } from "node:path";
import type { PeerProcess } from "../../examples/demo/peer-process.ts";
import { connectClient } from "../../mod.ts";
import { partitionOf } from "../../src/protocol/context/ring.ts";
import type { Roster } from "../../src/protocol/model/types.ts";
import { beat } from "../support/beat-handlers.ts";
import { Cluster } from "../support/cluster.ts";
import { isSettled, keepCounts, keepersOf, namesIn, RosterWatch } from "../support/roster-watch.ts";
import { delay, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";
import { reckon, some, statesIn, SteadyLoad } from "../support/steady-load.ts";

const PER_SECOND = 50;
const CHANGE_MS_MAX = 15_000;
/** Between two changes. */
const REST_MS = 3000;
const REPLICATION = 3;
const PARTITIONS = 128;

await runShow(
  `1 -> 3 -> 5 -> 3 -> 1 nodes under ${PER_SECOND} submits a second`,
  async (report, directory) => {
    await using cluster = await Cluster.start({
      namespace: `show-grow-${process.pid}`,
      runtimes: ["node"],
      args: ["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts"), "--capacity", "400"],
      env: { STOLOS_BEATS: directory },
    });
    await using watch = await RosterWatch.start(await cluster.reach());
    const sleeping = await submitSleeping(cluster);
    const load = await SteadyLoad.start(cluster, { perSecond: PER_SECOND });
    await delay(REST_MS);
    const show = { report, cluster, watch, load, sleeping };
    await grow(show, 2);
    await grow(show, 2);
    await shrink(show, cluster.peers.slice(0, 2));
    await shrink(show, cluster.peers.slice(2, 4));
    await load.stop();
    report.check("no submit failed", load.failed.length === 0, some(load.failed));
    report.say(
      `${load.acked.length} submits acknowledged, repeated: ${JSON.stringify([...load.repeated])}`,
    );
    await reckon(report, cluster, directory, load.acked);
    const states = await statesIn(cluster);
    const forgotten = sleeping.filter((id) => states.get(id) !== "sleeping");
    report.check("the last node knows all that sleep, too", forgotten.length === 0, some(forgotten));
  },
);

interface Show {
  readonly report: Report;
  readonly cluster: Cluster;
  readonly watch: RosterWatch;
  readonly load: SteadyLoad;
  /** One in each partition. */
  readonly sleeping: readonly string[];
}

async function submitSleeping(cluster: Cluster): Promise<string[]> {
  const idByPartition = new Map<number, string>();
  for (let n = 0; idByPartition.size < PARTITIONS; n++) {
    idByPartition.set(partitionOf(`sleeping-${n}`, PARTITIONS), `sleeping-${n}`);
  }
  await using client = await connectClient(await cluster.reach());
  const items = [...idByPartition.values()].map((id) => ({ id, input: { ms: 100 }, delayMs: 3_600_000 }));
  return (await client.submitMany(beat, items)).map((handle) => handle.id);
}

async function grow(show: Show, count: number): Promise<void> {
  const { report, cluster, watch } = show;
  const before = watch.newest!;
  const size = cluster.running.length + count;
  report.say(`-- ${count} more join: ${size - count} -> ${size}`);
  const startMs = performance.now();
  const peers = await Promise.all(Array.from({ length: count }, () => cluster.add("node")));
  await Promise.all(peers.map((peer) => peer.addresses()));
  const upMs = performance.now();
  await Promise.all(peers.map((peer) => peer.ready()));
  const readyMs = performance.now();
  const settled = await watch.until((roster) => namesIn(roster).length === size && isSettled(roster), 60_000);
  report.say(
    `processes up after ${seconds(upMs - startMs)}, ready after ${seconds(readyMs - startMs)}, level after ${
      settled ? seconds(settled.atMs - startMs) : "never"
    }`,
  );
  await judge(show, before, settled && settled.atMs - upMs, size);
}

async function shrink(show: Show, leaving: readonly PeerProcess[]): Promise<void> {
  const { report, cluster, watch } = show;
  const before = watch.newest!;
  const size = cluster.running.length - leaving.length;
  report.say(`-- SIGTERM to ${leaving.length}: ${size + leaving.length} -> ${size}`);
  const startMs = performance.now();
  const exits = leaving.map(async (peer) => {
    peer.signal("SIGTERM");
    await peer.exited;
    return performance.now() - startMs;
  });
  const settled = await watch.until((roster) => namesIn(roster).length === size && isSettled(roster), 60_000);
  const exitMs = await Promise.all(exits);
  report.say(
    `gone after ${exitMs.map(seconds).join(" and ")}, level after ${
      settled ? seconds(settled.atMs - startMs) : "never"
    }`,
  );
  const codes = leaving.map((peer) => peer.child.exitCode);
  report.check("they exit with 0", codes.every((code) => code === 0), codes.join(" "));
  await judge(show, before, settled && settled.atMs - startMs, size);
}

async function judge(show: Show, before: Roster, tookMs: number | null, size: number): Promise<void> {
  const { report, watch, load } = show;
  const isInTime = tookMs !== null && tookMs <= CHANGE_MS_MAX;
  report.check(
    `level within ${seconds(CHANGE_MS_MAX)}`,
    isInTime,
    tookMs === null ? "never" : seconds(tookMs),
  );
  const after = watch.newest!;
  const wanted = Math.min(REPLICATION, size);
  const short = keepersOf(after).filter((keepers) => keepers.length !== wanted).length;
  report.check(`every partition has ${wanted} keepers`, short === 0, `${short} have not`);
  await checkPublic(show, wanted);
  judgeMoves(report, before, after, watch);
  await delay(REST_MS);
  const names = namesIn(watch.newest!);
  report.check("nobody else has come, or come back", names.length === size, names.join(" "));
  report.say(`the slowest submit took ${seconds(load.takeAckMsMax())}`);
}

/** What a client is told agrees. */
async function checkPublic({ report, cluster, sleeping, watch }: Show, wanted: number): Promise<void> {
  await using client = await connectClient(await cluster.reach());
  const members = new Set(watch.newest!.members.map((member) => member.id));
  const infos = await Promise.all(sleeping.map((id) => client.get(id)));
  const wrong = infos.filter((info) =>
    info?.keepers.length !== wanted || !info.keepers.every((keeper) => members.has(keeper))
  );
  report.check(
    "a client is told the same of a task of each partition",
    wrong.length === 0,
    `${wrong.length}`,
  );
}

function judgeMoves(report: Report, before: Roster, after: Roster, { seen }: RosterWatch): void {
  const [old, now] = [keepersOf(before), keepersOf(after)];
  const roles = now.flat().length;
  const stayed = new Set(before.members.map((member) => member.no));
  const moved = now.flatMap((keepers, p) => keepers.filter((no) => !old[p]!.includes(no)));
  const amongStaying = moved.filter((no) => stayed.has(no)).length;
  // more keepers, or others for those that left; and newcomers get their even share
  const alive = new Set(after.members.map((member) => member.no));
  const forced = now.reduce(
    (sum, keepers, p) =>
      sum + keepers.length - Math.min(keepers.length, old[p]!.filter((no) => alive.has(no)).length),
    0,
  );
  const newCount = after.members.filter((member) => !stayed.has(member.no)).length;
  const leastMoves = Math.max(forced, Math.floor(roles * newCount / after.members.length));
  const steps = seen.map(({ roster }) => roster).filter(({ epoch }) =>
    epoch >= before.epoch && epoch <= after.epoch
  );
  const copies = steps.slice(1).reduce((sum, roster, at) => sum + copiesIn(steps[at]!, roster), 0);
  const share = (count: number): string => `${count} (${(100 * count / roles).toFixed(0)} %)`;
  report.say(
    `${after.epoch - before.epoch} epochs; of ${roles} keeper roles ${share(moved.length)} went to others, ${
      share(copies)
    } were copied on the way, an even ring needs ${share(leastMoves)}; keeps ${keepCounts(after).join(" ")}`,
  );
  report.check(
    "roles moved to newcomers, or from nodes that left, only",
    amongStaying === 0 || forced === moved.length,
    `${amongStaying} between nodes that stay, ${forced} had to move`,
  );
  // newcomers may be let in one after the other
  const isFew = copies <= moved.length * (newCount > 1 ? 1.35 : 1);
  report.check("hardly more was copied than moved", isFew, `${copies} and ${moved.length}`);
}

/** Roles of configurations that are new in `next`, of members that were no keepers of the one before. */
function copiesIn(last: Roster, next: Roster): number {
  return next.chains.reduce((sum, chain, p) => {
    const newest = chain.at(-1)!;
    const before = last.chains[p]!.at(-1)!;
    if (newest.epoch === before.epoch) return sum;
    return sum + newest.keepers.filter((no) => !before.keepers.includes(no)).length;
  }, 0);
}
