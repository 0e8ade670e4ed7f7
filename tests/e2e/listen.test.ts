/**
 * Listening on each runtime: when the file descriptors ran out once, on two families at one port, and where
 * IPv6 is off.
 */
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";
import { eventually, PATIENCE_MS } from "../support/drill.ts";
import { freePort } from "../support/free-port.ts";
import { whyNoNetworks } from "../support/named-hosts.ts";
import { TestNetwork } from "../support/netns.ts";
import { stolos } from "../support/cluster.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const why = whyNoNetworks();
const DESCRIPTORS = 96;
const FEW = ["sh", "-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "--"];
const NO_IPV6 = ["sh", "-c", 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; exec "$@"', "--"];

for (const runtime of RUNTIMES) {
  test(`clients connect again after a time without file descriptors, on ${runtime}`, async () => {
    const namespace = `few-${process.pid}`;
    const [port, httpPort] = [await freePort(), await freePort()];
    const listen = `/ip4/127.0.0.1/tcp/${port}`;
    const args = [
      "--namespace",
      namespace,
      "--no-mdns",
      "--listen",
      listen,
      "--http",
      `127.0.0.1:${httpPort}`,
    ];
    await using peer = new PeerProcess({ runtime, prefix: FEW, args });
    await peer.ready();
    const idle: Socket[] = [];
    for (const to of [...Array(150).fill(port), ...Array(5).fill(httpPort)]) {
      idle.push(connect({ port: to, host: "127.0.0.1" }).on("error", () => {}));
    }
    // the peer closes those that say nothing
    const isOver = (): boolean => idle.some((socket) => socket.destroyed);
    expect(await eventually(isOver)).toBe(true);
    for (const socket of idle) socket.destroy();
    const nodes = ["nodes", "--json", "--namespace", namespace, "--join", listen, "--timeout", "2s"];
    const answers = async (): Promise<boolean> => (await stolos("bun", nodes)).code === 0;
    expect(await eventually(answers, PATIENCE_MS, 500)).toBe(true);
    const isHealthy = async (): Promise<boolean> => {
      const healthy = fetch(`http://127.0.0.1:${httpPort}/healthz`, { signal: AbortSignal.timeout(1000) });
      return await healthy.then(({ ok }) => ok, () => false);
    };
    expect(await eventually(isHealthy, PATIENCE_MS, 500)).toBe(true);
    const isReported = peer.events.some(({ event }) => event === "listen:trouble");
    // on the others the listener outlives it
    expect(isReported && runtime !== "deno").toBe(false);
  });

  test(`both families at one port are listened on, or it is an error, on ${runtime}`, async () => {
    const port = await freePort();
    const families = [`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::/tcp/${port}`];
    const args = ["--namespace", `both-${process.pid}`, "--no-mdns", "--insecure"];
    const listen = families.flatMap((address) => ["--listen", address]);
    if (runtime === "deno") {
      const { code, stderr } = await stolos(runtime, ["peer", ...args, ...listen]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`Cannot listen on ${families[1]}: `)]);
      expect(stderr).toContain("give each family a port of its own");
    } else {
      await using peer = new PeerProcess({ runtime, args: [...args, ...listen] });
      const found = (await peer.addresses()).map((address) => /\/ip[46]/.exec(address)?.[0]);
      expect(new Set(found)).toEqual(new Set(["/ip4", "/ip6"]));
    }
  });

  test.skipIf(why !== "")(
    `where IPv6 is off the other family does, or it is an error, on ${runtime}`,
    async () => {
      using network = new TestNetwork(1);
      const prefix = [...network.hosts[0]!.prefix, ...NO_IPV6];
      const args = ["--namespace", `off-${process.pid}`, "--no-mdns", "--insecure"];
      const alone = ["--listen", "/ip6/::/tcp/4001"];
      const both = ["--listen", "/ip4/0.0.0.0/tcp/4002", "--listen", "/ip6/::1/tcp/4002"];
      const { code, stderr } = await stolos(runtime, ["peer", ...args, ...alone], prefix);
      expect([code, stderr]).toEqual([2, expect.stringContaining("this host has no address of that kind")]);
      await using peer = new PeerProcess({ runtime, prefix, args: [...args, ...both] });
      expect((await peer.addresses()).every((address) => address.startsWith("/ip4/"))).toBe(true);
    },
  );
}

if (why !== "") test.skip(`hosts without IPv6 were not tried: ${why}`, () => {});
