/** `join` addresses with names, against a DNS server on UDP; and ways that are tried beside each other. */
import { afterEach, expect, test } from "bun:test";
import { connectClient } from "../../../src/mesh/client.ts";
import { firstOf } from "../../../src/mesh/client.ts";
import { Joins } from "../../../src/mesh/joins.ts";
import { isNamed, resolveAddress } from "../../../src/mesh/joins.ts";
import { DnsServer } from "../../support/dns-server.ts";
import { startNode, stopNodes } from "../../support/mesh.ts";

afterEach(stopNodes);

const portOf = (address: string): string => /\/tcp\/(\d+)/.exec(address)?.[1] ?? "";

test("a name becomes all its addresses of the family that is asked for", async () => {
  await using dns = await DnsServer.start();
  dns.set("nodes.test", ["10.0.0.2", "10.0.0.1", "fd00::1"]);
  const { lookup } = dns;
  expect(await resolveAddress("/dns4/nodes.test/tcp/1", lookup)).toEqual([
    "/ip4/10.0.0.1/tcp/1",
    "/ip4/10.0.0.2/tcp/1",
  ]);
  expect(await resolveAddress("/dns6/nodes.test/tcp/1/p2p/x", lookup)).toEqual([
    "/ip6/fd00::1/tcp/1/p2p/x",
  ]);
  expect(await resolveAddress("/dns/nodes.test/tcp/1", lookup)).toHaveLength(3);
  await expect(resolveAddress("/dns4/nobody.test/tcp/1", lookup)).rejects.toThrow();
  expect(await resolveAddress("/ip4/1.2.3.4/tcp/1", lookup)).toEqual(["/ip4/1.2.3.4/tcp/1"]);
});

test("the system's resolver knows this host", async () => {
  expect(await resolveAddress("/dns4/localhost/tcp/1")).toEqual(["/ip4/127.0.0.1/tcp/1"]);
  expect(isNamed("/dnsaddr/x")).toBe(false);
});

test("a node joins every node behind a name but itself, though one address is dead", async () => {
  await using dns = await DnsServer.start();
  const { lookup } = dns;
  const first = await startNode("a", { listen: ["/ip4/127.0.0.2/tcp/0"] });
  const port = portOf(first.mesh.addresses[0]!);
  const second = await startNode("b", { listen: [`/ip4/127.0.0.3/tcp/${port}`] });
  // 127.0.0.5 refuses, 127.0.0.4 is the node itself
  dns.set("nodes.test", ["127.0.0.2", "127.0.0.5", "127.0.0.4", "127.0.0.3"]);
  const node = await startNode("c", {
    listen: [`/ip4/127.0.0.4/tcp/${port}`],
    join: [`/dns4/nodes.test/tcp/${port}`],
    lookup,
  });
  await node.until("both are up", () => node.ups.size === 2);
  expect([...node.ups.values()].map(({ name }) => name).sort()).toEqual(["a", "b"]);
  await first.until("c is up", () => first.ups.has(node.mesh.id));
  await second.until("c is up", () => second.ups.has(node.mesh.id));
  expect(node.log.filter((line) => line.startsWith("rejected"))).toEqual([]);
});

test("a node waits for a name that is not there yet", async () => {
  await using dns = await DnsServer.start();
  const a = await startNode("a", { listen: ["/ip4/127.0.0.2/tcp/0"] });
  const join = [`/dns4/later.test/tcp/${portOf(a.mesh.addresses[0]!)}`];
  const b = await startNode("b", { join, lookup: dns.lookup });
  while (dns.asked.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(b.ups.size).toBe(0);
  dns.set("later.test", ["127.0.0.2"]);
  await b.until("a is up", () => b.ups.size === 1);
});

test("what is behind a name no more is not dialled any more, unless it was named itself", async () => {
  const dialled = new Set<string>();
  const dialer = {
    join: (address: string) => void dialled.add(address),
    unjoin: (address: string) => void dialled.delete(address),
    hurry: () => {},
  };
  const answers = [["1.1.1.1", "1.1.1.2"], ["1.1.1.2", "1.1.1.3"]];
  const looked = Promise.withResolvers<void>();
  const lookup = (): Promise<{ address: string; family: number }[]> => {
    const answer = answers.shift();
    if (answer === undefined) return Promise.reject(new Error("over"));
    if (answers.length === 0) setTimeout(looked.resolve, 0);
    return Promise.resolve(answer.map((address) => ({ address, family: 4 })));
  };
  const joins = new Joins({
    addresses: ["/dns4/x/tcp/1", "/ip4/1.1.1.9/tcp/1"],
    dialer,
    lookup,
    lookEveryMs: 20,
    unreachable: () => {},
  });
  joins.start();
  await looked.promise;
  joins.stop();
  expect([...dialled].sort()).toEqual(["/ip4/1.1.1.2/tcp/1", "/ip4/1.1.1.3/tcp/1", "/ip4/1.1.1.9/tcp/1"]);
});

test("a name that can be looked up again has what is behind it dialled at once", async () => {
  const hurried = Promise.withResolvers<string>();
  const dialer = { join: () => {}, unjoin: () => {}, hurry: hurried.resolve };
  let looks = 0;
  const lookup = (): Promise<{ address: string; family: number }[]> =>
    ++looks === 2
      ? Promise.reject(new Error("no DNS"))
      : Promise.resolve([{ address: "1.1.1.1", family: 4 }]);
  const joins = new Joins({
    addresses: ["/dns4/x/tcp/1"],
    dialer,
    lookup,
    lookEveryMs: 20,
    unreachable: () => {},
  });
  joins.start();
  expect([await hurried.promise, looks]).toEqual(["/ip4/1.1.1.1/tcp/1", 3]);
  joins.stop();
});

test("addresses that are made up by the thousand are reported a hundred times a minute at most", () => {
  let reports = 0;
  const dialer = { join: () => {}, unjoin: () => {}, hurry: () => {} };
  const joins = new Joins({ addresses: [], dialer, unreachable: () => reports++ });
  for (let port = 1; port <= 5000; port++) joins.failed(`/ip4/127.0.0.1/tcp/${port}`, "it is a lie");
  expect(reports).toBe(100);
});

test("an address at which nobody answers is reported once, after some attempts", async () => {
  await using dns = await DnsServer.start();
  const reports: string[] = [];
  const seen = Promise.withResolvers<void>();
  const unreachable = (address: string, reason: string): void => {
    reports.push(`${address}: ${reason}`);
    if (reports.length === 2) seen.resolve();
  };
  const join = ["/ip4/127.0.0.1/tcp/9", "/dns4/nobody.test/tcp/9"];
  await startNode("a", { join, lookup: dns.lookup }, { unreachable });
  await seen.promise;
  expect(reports.sort()).toEqual([
    expect.stringMatching(/^\/dns4\/nobody\.test\/tcp\/9: .*nobody\.test/),
    expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/9: .*/),
  ]);
});

test("a client reaches a member behind a name whose other addresses are dead", async () => {
  await using dns = await DnsServer.start();
  const a = await startNode("a", { listen: ["/ip4/127.0.0.2/tcp/0"] });
  // 192.0.2.0/24 is for documentation: packets to it vanish or are refused
  dns.set("nodes.test", ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "127.0.0.2"]);
  const join = [`/dns4/nodes.test/tcp/${portOf(a.mesh.addresses[0]!)}`];
  const startMs = performance.now();
  const client = await connectClient({
    namespace: "test",
    join,
    mdns: false,
    timeoutMs: 8000,
    lookup: dns.lookup,
  });
  expect(client.member).toBe(a.mesh.id);
  expect(performance.now() - startMs).toBeLessThan(3000);
  await client.stop();
});

test("a client that finds nobody says what became of each address", async () => {
  await using dns = await DnsServer.start();
  const join = ["/ip4/127.0.0.1/tcp/9", "/dns4/nobody.test/tcp/9"];
  const options = { namespace: "test", join, mdns: false, timeoutMs: 700, lookup: dns.lookup };
  const error = await connectClient(options).then(() => null, (error: Error) => error.message);
  expect(error).toMatch(
    /tried \/ip4\/127\.0\.0\.1\/tcp\/9 \(.+\), \/dns4\/nobody\.test\/tcp\/9 \(.+nobody\.test/,
  );
});

test("the first way that works wins, a slow one before it holds nobody up", async () => {
  const { signal } = new AbortController();
  const aborted: string[] = [];
  const attempt = (way: string, over: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      over.addEventListener("abort", () => (aborted.push(way), reject(over.reason)), { once: true });
      if (way === "fails") reject(new Error("no"));
      if (way === "works") resolve(way);
    });
  expect(await firstOf(["slow", "fails", "works", "late"], attempt, signal)).toBe("works");
  expect(aborted).toContain("slow");
  expect(aborted).not.toContain("late");
  expect(await firstOf(["fails", "fails"], attempt, signal)).toBeUndefined();
  expect(await firstOf(["slow"], attempt, AbortSignal.timeout(50))).toBeUndefined();
});
