/**
 * Peers that know of each other nothing but a name, whose addresses a DNS server tells: three hosts (network
 * namespaces), a runtime each. And peers that can be dialled from one side only.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";
import { containerOf, manifestDocuments } from "../support/deploy-files.ts";
import { stolos } from "../support/cluster.ts";
import { NamedHosts, whyNoNetworks } from "../support/named-hosts.ts";
import type { NetHost } from "../support/netns.ts";
import { eventually, PATIENCE_MS } from "../support/drill.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const PORT = 4001;
const why = whyNoNetworks();
const SECRET = join(mkdtempSync(join(tmpdir(), "stolos-secret-")), "secret");
writeFileSync(SECRET, `${"of the whole cluster ".repeat(3)}\n`);
const secret = ["--secret-file", SECRET];

/** As in a container: it listens everywhere, and knows the name alone. */
function peerOn(host: NetHost, runtime: Runtime, more: readonly string[] = []): PeerProcess {
  const own = ["--namespace", `dns-${process.pid}`, "--name", host.name, "--no-mdns", "--expect", "3"];
  const net = ["--listen", `/ip4/0.0.0.0/tcp/${PORT}`, "--join", `/dns4/stolos/tcp/${PORT}`];
  return new PeerProcess({ runtime, args: [...own, ...net, ...secret, ...more], prefix: host.prefix });
}

test.skipIf(why !== "")("peers behind one name found a cluster, and a new one behind it joins", async () => {
  await using named = await NamedHosts.start(4);
  const { hosts, dns } = named;
  // nobody is at .99: some addresses are always of nodes that are gone
  const gone = hosts[0]!.address.replace(/\d+$/, "99");
  const three = hosts.slice(0, 3);
  await using peers = new AsyncDisposableStack();
  // not there yet when the peers start
  const all = three.map((host, at) => peers.use(peerOn(host, RUNTIMES[at]!)));
  await Promise.all(all.map((peer) => peer.addresses()));
  dns.set("stolos.test.svc", [...three.map(({ address }) => address), gone]);
  await Promise.all(all.map((peer) => peer.ready()));

  const client = ["--namespace", `dns-${process.pid}`, "--join", `/dns4/stolos/tcp/${PORT}`, ...secret];
  const nodes = async (runtime: Runtime): Promise<unknown[]> =>
    (await stolos(runtime, ["nodes", "--json", ...client], three[0]!.prefix)).json();
  for (const runtime of RUNTIMES) expect(await nodes(runtime)).toHaveLength(3);

  const fourth = peers.use(peerOn(hosts[3]!, "bun"));
  dns.set("stolos.test.svc", [gone, ...hosts.map(({ address }) => address)]);
  await fourth.ready();
  expect(await eventually(async () => (await nodes("bun")).length === 4, PATIENCE_MS, 500)).toBe(true);
});

test.skipIf(why !== "")(
  "one address that can be dialled is enough to find all, and a wrong one is told",
  async () => {
    await using named = await NamedHosts.start(3);
    const { hosts, dns } = named;
    const [first, second, third] = hosts;
    dns.set("stolos.test.svc", [first!.address]);
    await using peers = new AsyncDisposableStack();
    // what the second listens on cannot be dialled by others, and it does not say so: as behind NAT
    const hidden = ["--announce", `/ip4/192.0.2.1/tcp/${PORT}`];
    const all = [
      peers.use(peerOn(first!, "bun", ["--join", "/dns4/nobody.example/tcp/1"])),
      peers.use(peerOn(second!, "bun", hidden)),
      peers.use(peerOn(third!, "node", ["--announce", `/dns4/third/tcp/${PORT}`])),
    ];
    dns.set("third.test.svc", [third!.address]);
    await Promise.all(all.map((peer) => peer.ready()));
    const told = await all[0]!.event(({ event }) => event === "join:unreachable");
    expect(told).toMatchObject({ address: "/dns4/nobody.example/tcp/1" });
    const client = ["--namespace", `dns-${process.pid}`, "--join", `/dns4/third/tcp/${PORT}`, ...secret];
    const { code, stdout } = await stolos(
      "bun",
      ["submit", "--wait", ...client, "--", "true"],
      first!.prefix,
    );
    expect([code, stdout.includes("completed")]).toEqual([0, true]);
  },
);

test.skipIf(why !== "")("what the Kubernetes manifest starts is a cluster whose probes say so", async () => {
  const set = manifestDocuments().find(({ kind }) => kind === "StatefulSet");
  const { args, readinessProbe } = containerOf(set);
  await using named = await NamedHosts.start(set.spec.replicas);
  const directory = mkdtempSync(join(tmpdir(), "stolos-manifest-"));
  await using peers = new AsyncDisposableStack();
  peers.defer(() => rmSync(directory, { recursive: true, force: true }));
  const { hosts, dns } = named;
  const all = hosts.map((host, at) => {
    const pod = `${set.metadata.name}-${at}`;
    dns.set(`${pod}.stolos.test.svc`, [host.address]);
    const own = args.slice(1).map((arg) =>
      arg.replace("$(POD_NAME)", pod).replace("--data=/data", `--data=${join(directory, pod)}`)
        .replace(/^--secret-file=.*/, `--secret-file=${SECRET}`)
    );
    return peers.use(new PeerProcess({ runtime: "node", args: own, prefix: host.prefix }));
  });
  dns.set("stolos.test.svc", hosts.map(({ address }) => address));
  await Promise.all(all.map((peer) => peer.ready()));
  // the bridge has an address of its own in their network
  const probe = (host: NetHost): Promise<Response> =>
    fetch(`http://${host.address}:9464${readinessProbe.httpGet.path}`);
  expect((await Promise.all(hosts.map(probe))).map(({ status }) => status)).toEqual([200, 200, 200]);
  for (const peer of all.slice(1)) peer.signal("SIGKILL");
  expect(await eventually(async () => (await probe(hosts[0]!)).status === 503, PATIENCE_MS, 100)).toBe(true);
});

if (why !== "") test.skip(`discovery by DNS was not tried: ${why}`, () => {});
