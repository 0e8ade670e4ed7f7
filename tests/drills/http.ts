/**
 * Show: three peers, one on each runtime, with --http. A scrape of each is given to `promtool check metrics`,
 * the linter that comes with Prometheus; then two peers are killed, and the probes of the third are watched.
 */
import type { PeerProcess } from "../../examples/demo/peer-process.ts";
import { connectClient } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { Cluster } from "../support/cluster.ts";
import { ask, promtool, valueOf } from "../support/http-peers.ts";
import { delay, eventually, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

const TASK_COUNT = 30;
const LEASE_MS = 4000;
const SCRAPES = 20;

await runShow("/metrics under promtool, and /readyz in a minority", async (report) => {
  await using cluster = await Cluster.start({
    namespace: `show-http-${process.pid}`,
    runtimes: ["node", "bun", "deno"],
    args: ["--http", "127.0.0.1:0"],
  });
  await runTasks(cluster);
  for (const peer of cluster.peers) await scrape(report, peer);
  const recorded = await Promise.all(cluster.peers.map(async (peer) => {
    const { body } = await ask(peer, "/metrics");
    return Number(/^stolos_stewarded_tasks\{state="completed"\} (\d+)$/m.exec(body)?.[1]);
  }));
  const sum = recorded.reduce((a, b) => a + b, 0);
  report.check(`the stewards' tasks add up to ${TASK_COUNT}`, sum === TASK_COUNT, recorded.join(" + "));
  await minority(report, cluster);
});

async function runTasks(cluster: Cluster): Promise<void> {
  await using client = await connectClient(await cluster.reach());
  const items = Array.from({ length: TASK_COUNT }, () => ({ input: { argv: ["true"] } }));
  const handles = await client.submitMany(exec, items);
  await Promise.all(handles.map((handle) => handle.done()));
}

async function scrape(report: Report, peer: PeerProcess): Promise<void> {
  const startMs = performance.now();
  let body = "";
  for (let at = 0; at < SCRAPES; at++) ({ body } = await ask(peer, "/metrics"));
  const eachMs = (performance.now() - startMs) / SCRAPES;
  const families = body.match(/^# TYPE /gm)?.length ?? 0;
  const checked = await promtool(body);
  const size = `${families} metrics, ${body.length} bytes, ${eachMs.toFixed(1)} ms a scrape`;
  if (checked === null) {
    report.say(`SKIPPED on ${peer.runtime}: there is no promtool (Debian: package prometheus); ${size}`);
    return;
  }
  report.check(
    `promtool check metrics has no complaint on ${peer.runtime}`,
    checked.code === 0 && checked.complaints === "",
    `exit code ${checked.code}${checked.complaints === "" ? "" : `: ${checked.complaints}`}; ${size}`,
  );
}

async function minority(report: Report, cluster: Cluster): Promise<void> {
  const [last, ...others] = cluster.peers;
  if (last === undefined) throw new Error("Cannot go on: there are no peers");
  const before = await ask(last, "/readyz");
  report.check("/readyz in a majority", before.status === 200, `${before.status} ${before.body.trim()}`);
  for (const peer of others) peer.signal("SIGKILL");
  const killedMs = performance.now();
  const isNotReady = async (): Promise<boolean> => (await ask(last, "/readyz")).status === 503;
  const isSeen = await eventually(isNotReady, 2 * LEASE_MS, 20);
  const tookMs = performance.now() - killedMs;
  report.check("two of three killed: /readyz false", isSeen && tookMs <= LEASE_MS, seconds(tookMs));
  await delay(LEASE_MS);
  const [ready, health, metrics] = await Promise.all(
    ["/readyz", "/healthz", "/metrics"].map((path) => ask(last, path)),
  );
  report.say(`/readyz ${ready?.status}: ${ready?.body.trim()}`);
  report.say(`/healthz ${health?.status}: ${health?.body.trim()}`);
  report.check("it says why", /partitions have no quorum/.test(ready?.body ?? ""));
  report.check("it is alive", health?.status === 200);
  const isLost = valueOf(metrics?.body ?? "", "stolos_quorum") === 0;
  report.check("stolos_quorum is 0", isLost);
}
