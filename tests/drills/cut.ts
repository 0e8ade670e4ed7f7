/**
 * Show: one peer is cut off in its network namespace (Linux, root). It stops its tasks before the others
 * start them; after healing it takes part again, by itself.
 */
import { join } from "node:path";
import { PeerProcess } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import type { Attempt } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { beat } from "../support/beat-handlers.ts";
import { TestNetwork } from "../support/netns.ts";
import type { NetHost } from "../support/netns.ts";
import { delay, eventually, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

const TASK_COUNT = 90;
const TASK_MS = 15_000;

await runShow("one peer is cut off, then comes back", async (report, directory) => {
  using network = new TestNetwork(3);
  await using stack = new AsyncDisposableStack();
  const namespace = `show-cut-${process.pid}`;
  const peers = network.hosts.map((host) => stack.use(peerOn(host, namespace, directory)));
  await Promise.all(peers.map((peer) => peer.ready()));
  const [, , cutHost] = network.hosts;
  const [, , cutPeer] = peers;
  if (cutHost === undefined || cutPeer === undefined) {
    throw new Error("Cannot show a cut without a third peer");
  }
  const join = (await Promise.all(peers.slice(0, 2).map((peer) => peer.addresses()))).flat();
  await using client = await connectClient({ namespace, join, mdns: false });

  const ids = (await client.submitMany(beat, specs("first"))).map((handle) => handle.id);
  await eventually(() => readAttempts(directory).length >= ids.length, 10_000);
  await delay(1500);
  const held = started(cutPeer);
  report.say(`the cable of ${cutHost.name} is pulled; it runs ${held.length} tasks`);
  network.plug(cutHost, false);
  const cutMs = Date.now();
  await cutPeer.event((event) => event.event === "quorum:lost", 10_000);
  report.check("the cut-off peer says that it has lost the quorum", true, seconds(Date.now() - cutMs));
  await eventually(
    () => held.every((id) => readAttempts(directory).filter((each) => each.task === id).length > 1),
    15_000,
  );
  judgeCut(report, held, readAttempts(directory), cutMs);

  report.say("the cable is put back");
  network.plug(cutHost, true);
  const healedMs = Date.now();
  const seen = cutPeer.events.length;
  await cutPeer.event((event) => event.event === "quorum:regained", 30_000);
  report.check("the peer regains the quorum by itself", true, seconds(Date.now() - healedMs));
  ids.push(...(await client.submitMany(beat, specs("second"))).map((handle) => handle.id));
  const takesPart = await eventually(
    () => cutPeer.events.slice(seen).some((event) => event.event === "task:start"),
    15_000,
  );
  report.check("it runs new tasks", takesPart);
  await eventually(() => tally(ids, readAttempts(directory)).lost.length === 0, TASK_MS * 3, 200);
  const result = tally(ids, readAttempts(directory));
  report.check(
    "no task was ever live twice at once",
    result.overlapped.length === 0,
    result.overlapped.join(" "),
  );
  report.check("no task was lost", result.lost.length === 0, result.lost.join(" "));
});

function peerOn(host: NetHost, namespace: string, directory: string): PeerProcess {
  const handlers = join(import.meta.dirname, "../support/beat-handlers.ts");
  const args = [
    ...["--namespace", namespace, "--name", host.name, "--expect", "3", "--handlers", handlers],
    ...["--listen", `/ip4/${host.address}/tcp/0`, "--data", join(directory, host.name), "--capacity", "400"],
    "--insecure",
  ];
  return new PeerProcess({ runtime: "node", args, prefix: host.prefix, env: { STOLOS_BEATS: directory } });
}

function specs(name: string): { id: string; input: { ms: number } }[] {
  return Array.from(
    { length: TASK_COUNT },
    (_, index) => ({ id: `${name}-${index}`, input: { ms: TASK_MS } }),
  );
}

function started(peer: PeerProcess): string[] {
  return peer.events.filter((event) => event.event === "task:start").map((event) => event.task ?? "");
}

function judgeCut(
  report: Report,
  held: readonly string[],
  attempts: readonly Attempt[],
  cutMs: number,
): void {
  const since = (ns: bigint): number => Number(ns - BigInt(cutMs) * 1_000_000n) / 1e6;
  const pairs = held.map((id) => {
    const own = attempts.filter((each) => each.task === id).sort((a, b) => a.fence < b.fence ? -1 : 1);
    return {
      id,
      stoppedMs: since(own[0]?.lastNs ?? 0n),
      againMs: own[1] === undefined ? Infinity : since(own[1].firstNs),
    };
  });
  const lastStopMs = Math.max(...pairs.map((pair) => pair.stoppedMs));
  const firstAgainMs = Math.min(...pairs.map((pair) => pair.againMs));
  const gapMs = Math.min(...pairs.map((pair) => pair.againMs - pair.stoppedMs));
  report.say(
    `last stopped ${seconds(lastStopMs)} after the cut, first started elsewhere after ${
      seconds(firstAgainMs)
    }`,
  );
  report.check(
    "each stopped before it was started elsewhere",
    held.length > 0 && gapMs > 0,
    `smallest gap ${seconds(gapMs)}`,
  );
  report.check("all of them run elsewhere", pairs.every((pair) => pair.againMs < Infinity));
}
