/**
 * Show: three `stolos peer --expect 3` found a cluster when joined by address on loopback, and again by mDNS
 * alone on three hosts of one network (network namespaces: Linux, root).
 */
import { join } from "node:path";
import { PeerProcess } from "../../examples/demo/peer-process.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import type { CommandResult } from "../support/cluster.ts";
import { TestNetwork } from "../support/netns.ts";
import type { NetHost } from "../support/netns.ts";
import { runShow } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

await runShow("three peers, joined by address; again by mDNS only", async (report, directory) => {
  await byAddress(report, directory);
  await byMdns(report, directory);
});

async function byAddress(report: Report, directory: string): Promise<void> {
  report.say("joined by address on 127.0.0.1");
  await using cluster = await Cluster.start({
    namespace: `show-${process.pid}`,
    runtimes: ["node", "node", "node"],
    directory,
  });
  const client = await cluster.clientArgs();
  await checkCluster(report, (args) => stolos("node", [...args, ...client]));
}

async function byMdns(report: Report, directory: string): Promise<void> {
  report.say("found by mDNS only, in three network namespaces");
  using network = new TestNetwork(3);
  await using peers = new AsyncDisposableStack();
  const namespace = `show-mdns-${process.pid}`;
  const all = network.hosts.map((host) => peers.use(mdnsPeer(host, namespace, directory)));
  await Promise.all(all.map((peer) => peer.ready()));
  const prefix = network.hosts[0]?.prefix ?? [];
  await checkCluster(report, (args) => stolos("node", [...args, "--namespace", namespace], prefix));
}

function mdnsPeer(host: NetHost, namespace: string, directory: string): PeerProcess {
  const listen = `/ip4/${host.address}/tcp/0`;
  const args = [
    "--namespace",
    namespace,
    "--name",
    host.name,
    "--listen",
    listen,
    "--insecure",
    "--expect",
    "3",
    "--data",
    join(directory, host.name),
  ];
  return new PeerProcess({ runtime: "node", args, prefix: host.prefix });
}

async function checkCluster(
  report: Report,
  run: (args: readonly string[]) => Promise<CommandResult>,
): Promise<void> {
  const nodes = await run(["nodes"]);
  console.log(nodes.stdout.trimEnd());
  report.check("stolos nodes exits with 0", nodes.code === 0, nodes.stderr.trim());
  const members = (await run(["nodes", "--json"])).json();
  report.check(
    "it lists three members",
    members.length === 3,
    members.map((each) => String(each.name)).join(" "),
  );
  const submitted = await run([
    "submit",
    "--json",
    "--wait",
    "--task",
    "exec",
    "--input",
    '{"argv":["true"]}',
  ]);
  report.check("a command submitted with --wait completes", submitted.code === 0, submitted.stdout.trim());
}
