/** Which addresses of others are worth dialling from here. */
import { afterEach, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { isLoopback, isOfThisHost, leadingElsewhere } from "../../../src/mesh/addresses.ts";
import { startNode, startPair, stopNodes } from "../../support/mesh.ts";

afterEach(stopNodes);

const LOOPBACK = [
  "/ip4/127.0.0.1/tcp/4001",
  "/ip4/127.9.9.9/tcp/4001/p2p/x",
  "/ip6/::1/tcp/4001",
  "/ip6/::ffff:7f00:1/tcp/4001",
  "/dns4/localhost/tcp/4001",
  "/dns/x.localhost/tcp/4001",
];
const OTHERS = [
  "/ip4/10.0.0.1/tcp/4001/p2p/x",
  "/ip6/fd00::1/tcp/4001",
  "/ip6/::1:2/tcp/4001",
  "/dns4/localhost.example/tcp/4001",
];

test("addresses of loopback are known in all their forms", () => {
  expect(LOOPBACK.filter((address) => !isLoopback(address))).toEqual([]);
  expect(OTHERS.filter(isLoopback)).toEqual([]);
});

test("what comes from an address of an interface comes from this host", () => {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []).map((each) => each.address);
  const ip4 = own.filter((address) => !address.includes(":"));
  expect(ip4.every((address) => isOfThisHost(`/ip4/${address}/tcp/1`))).toBe(true);
  expect([isOfThisHost("/ip4/127.0.0.1"), isOfThisHost("/ip6/::1/tcp/1")]).toEqual([true, true]);
  expect([isOfThisHost("/ip4/192.0.2.7/tcp/1"), isOfThisHost("/ip4/")]).toEqual([false, false]);
});

test("loopback leads elsewhere only if somebody on this host says so, own addresses never", () => {
  const all = [...LOOPBACK, ...OTHERS, "/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001"];
  expect(leadingElsewhere(all, { isNear: false, own: [] })).toEqual(OTHERS);
  expect(leadingElsewhere(all, { isNear: true, own: [] })).toEqual([...LOOPBACK, ...OTHERS]);
  const own = ["/ip4/127.0.0.1/tcp/4001", "/ip4/10.0.0.1/tcp/4001"];
  expect(leadingElsewhere(all, { isNear: true, own })).toEqual([...LOOPBACK.slice(1), ...OTHERS.slice(1)]);
});

test("one's own address that another announces is passed on to nobody", async () => {
  const [a, b] = await startPair();
  const [own = ""] = a.mesh.addresses;
  const port = /\/tcp\/\d+/.exec(own)?.[0];
  const announce = [`/ip4/127.0.0.1${port}`, "/ip4/127.0.0.1/tcp/9"];
  const c = await startNode("c", { join: [own], announce });
  await a.until("a sees c", () => a.ups.has(c.mesh.id));
  expect(a.ups.get(c.mesh.id)?.addresses).toEqual([`/ip4/127.0.0.1/tcp/9/p2p/${c.mesh.id}`]);
  expect(a.mesh.peers().get(b.mesh.id)?.addresses).toEqual(b.mesh.addresses);
});
