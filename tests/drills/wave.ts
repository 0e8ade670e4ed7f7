/**
 * Show: eight peers join a founder of one at the same time. How many epochs does it take, how long until all
 * are ready, and until the ring is level?
 */
import { Cluster } from "../support/cluster.ts";
import { isSettled, keepCounts, keepersOf, namesIn, RosterWatch } from "../support/roster-watch.ts";
import { runShow, seconds } from "../support/drill.ts";

const COUNT = 8;
const READY_MS_MAX = 30_000;
const LEVEL_MS_MAX = 40_000;
/** Most partitions that one keeps, by the mean: what 64 points a node on the ring give. */
const UNEVEN_MAX = 1.5;

await runShow(`${COUNT} peers join a founder at the same time`, async (report) => {
  await using cluster = await Cluster.start({
    namespace: `show-wave-${process.pid}`,
    runtimes: ["node"],
  });
  await using watch = await RosterWatch.start(await cluster.reach());
  await watch.until(isSettled, 10_000);
  const firstEpoch = watch.newest!.epoch;
  const startMs = performance.now();
  const since = (ms: number | undefined): string => seconds((ms ?? Infinity) - startMs);
  const peers = await Promise.all(Array.from({ length: COUNT }, () => cluster.add("node")));
  const upMs = await Promise.all(peers.map(async (peer) => {
    await peer.event((event) => event.event === "listening", 60_000);
    return performance.now();
  }));
  const [firstUpMs, lastUpMs] = [Math.min(...upMs), Math.max(...upMs)];
  report.say(`the first process is up after ${since(firstUpMs)}, the last one after ${since(lastUpMs)}`);

  const ready = await Promise.all(peers.map(async (peer) => {
    const { epoch = 0, members = 0 } = await peer.ready(60_000);
    return { epoch, members, atMs: performance.now() };
  }));
  const last = ready.reduce((a, b) => b.atMs > a.atMs ? b : a);
  report.say(`ready in epochs ${ready.map(({ epoch }) => epoch).sort((a, b) => a - b).join(" ")}`);
  report.say(`the last ready says epoch ${last.epoch}, ${last.members} members`);
  const readyMs = last.atMs - lastUpMs;
  report.check(
    `all are ready within ${seconds(READY_MS_MAX)} of the last process`,
    readyMs <= READY_MS_MAX,
    seconds(readyMs),
  );

  const isWhole = (size: number): boolean => size === COUNT + 1;
  const level = await watch.until((roster) => isWhole(namesIn(roster).length) && isSettled(roster), 60_000);
  const levelMs = (level?.atMs ?? Infinity) - lastUpMs;
  report.check(
    `the ring is level within ${seconds(LEVEL_MS_MAX)}`,
    levelMs <= LEVEL_MS_MAX,
    seconds(levelMs),
  );
  for (const { roster, atMs } of watch.seen) {
    if (roster.epoch <= firstEpoch) continue;
    const pending = roster.chains.filter((chain) => chain.length > 1).length;
    report.say(
      `epoch ${roster.epoch} after ${since(atMs)}: ${
        namesIn(roster).length
      } members, ${pending} partitions on ` +
        `their way, deciders ${roster.deciders.join(" ")}`,
    );
  }
  const counts = keepCounts(watch.newest!);
  const uneven = Math.max(...counts) * counts.length / keepersOf(watch.newest!).flat().length;
  report.say(`keeps ${counts.join(" ")}; ${watch.newest!.epoch - firstEpoch} epochs for ${COUNT} joins`);
  report.check(
    `nobody keeps more than ${UNEVEN_MAX} times the mean`,
    uneven <= UNEVEN_MAX,
    uneven.toFixed(2),
  );
});
