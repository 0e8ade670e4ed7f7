/**
 * Pairs with several connections, dead ones, and ones that lead nowhere: through a relay that can do it, with
 * either end the one that opens the stream.
 */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { tcp } from "@libp2p/tcp";
import { afterEach, expect, test } from "bun:test";
import { createLibp2p } from "libp2p";
import { noiseCrypto } from "../../../src/mesh/noise-crypto.ts";
import { makePrivateKey, nodeIdOf } from "../../../src/mesh/private-key.ts";
import { eventually, PATIENCE_MS } from "../../support/drill.ts";
import { freePort } from "../../support/free-port.ts";
import { startNode, stopNodes, type TestNode } from "../../support/mesh.ts";
import { Relay } from "../../support/relay.ts";

afterEach(stopNodes);

/** Of two identities the one with the smaller id opens the stream. */
async function twoKeys(): Promise<readonly [Uint8Array, Uint8Array]> {
  const [one, other] = [await makePrivateKey(), await makePrivateKey()];
  return nodeIdOf(one) < nodeIdOf(other) ? [one, other] : [other, one];
}

interface Pair {
  readonly a: TestNode;
  readonly b: TestNode;
}

/**
 * Two nodes that join each other, each way through the relay. Everything takes 50 ms, so both have dialled
 * before either knows of the other's connection.
 */
async function startBoth(relay: Relay): Promise<Pair> {
  const [portA, portB] = [await freePort(), await freePort()];
  const [toA, toB] = [await relay.path("b", "a", portA), await relay.path("a", "b", portB)];
  relay.delay(["a", "b"], () => 50);
  relay.delay(["b", "a"], () => 50);
  const [privateKey, otherKey] = await twoKeys();
  const listen = (port: number): string[] => [`/ip4/127.0.0.1/tcp/${port}`];
  const [a, b] = await Promise.all([
    startNode("a", { listen: listen(portA), announce: [toA], join: [toB], privateKey }),
    startNode("b", { listen: listen(portB), announce: [toB], join: [toA], privateKey: otherKey }),
  ]);
  expect(await eventually(() => relay.connectionCount("a", "b") === 2, PATIENCE_MS, 5)).toBe(true);
  await a.until("it sees b", () => a.ups.size === 1);
  await b.until("it sees a", () => b.ups.size === 1);
  return { a, b };
}

/** What is sent from now on arrives, both ways. */
async function exchange({ a, b }: Pair, deadlineMs: number): Promise<boolean> {
  const seen = [a.frames.length, b.frames.length];
  return await eventually(() => {
    a.mesh.send(b.mesh.id, [Uint8Array.of(1)]);
    b.mesh.send(a.mesh.id, [Uint8Array.of(1)]);
    return a.frames.length > seen[0]! && b.frames.length > seen[1]!;
  }, deadlineMs);
}

test("of two connections of a pair one is left, at both ends the one with the link", async () => {
  await using relay = new Relay();
  const pair = await startBoth(relay);
  expect(await eventually(() => relay.connectionCount("a", "b") === 1)).toBe(true);
  expect(await exchange(pair, 4000)).toBe(true);
  expect([pair.a.log, pair.b.log]).toEqual([["up b"], ["up a"]]);
});

test("gossip goes both ways on when the connection that it took is closed", async () => {
  await using relay = new Relay();
  const { a, b } = await startBoth(relay);
  expect(await eventually(() => relay.connectionCount("a", "b") === 1)).toBe(true);
  for (const node of [a, b]) node.mesh.subscribe("view");
  const isHeard = (node: TestNode): boolean => node.log.includes("gossip view 5");
  const both = await eventually(
    () => {
      for (const node of [a, b]) node.mesh.publish("view", new Uint8Array(5));
      return isHeard(a) && isHeard(b);
    },
    PATIENCE_MS,
    100,
  );
  expect([both, isHeard(a), isHeard(b)]).toEqual([true, true, true]);
});

for (const index of [0, 1]) {
  test(
    `a pair goes on when one of its two connections dies silently, the one with index ${index}`,
    async () => {
      await using relay = new Relay();
      const pair = await startBoth(relay);
      relay.deaden("a", "b", index);
      expect(await eventually(() => exchange(pair, 1000))).toBe(true);
      expect(await eventually(() => relay.heldBytes > 0)).toBe(true);
      expect(await exchange(pair, 4000)).toBe(true);
    },
  );
}

test("a pair whose connections all died silently makes another", async () => {
  await using relay = new Relay();
  const pair = await startBoth(relay);
  relay.deaden("a", "b");
  expect(await exchange(pair, PATIENCE_MS)).toBe(true);
  expect(relay.heldBytes).toBeGreaterThan(0);
  expect(pair.a.log.length).toBeGreaterThan(1);
});

test.each(["opens", "takes"])(
  "a member that left by itself is met again by who %s the stream",
  async (how) => {
    const [opening, taking] = await twoKeys();
    const [privateKey, otherKey] = how === "opens" ? [opening, taking] : [taking, opening];
    const stays = await startNode("a", { privateKey });
    const join = [stays.mesh.addresses[0]!];
    const start = (): Promise<TestNode> => startNode("b", { privateKey: otherKey, join });
    const left = await start();
    await stays.until("it sees b", () => stays.ups.size === 1);
    await left.mesh.stop();
    await stays.until("b has left", () => stays.ups.size === 0);
    const back = await start();
    expect(await eventually(() => stays.ups.size === 1, 20_000)).toBe(true);
    await back.until("b sees a", () => back.ups.size === 1);
    expect(await exchange({ a: stays, b: back }, PATIENCE_MS)).toBe(true);
  },
);

test("a connection on which no stream opens is given up, and dialled anew", async () => {
  // it makes connections and knows no protocol
  await using stack = new AsyncDisposableStack();
  const mute = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [yamux()],
  });
  stack.defer(() => mute.stop());
  let opened = 0;
  const again = Promise.withResolvers<void>();
  mute.addEventListener("connection:open", () => {
    if (++opened === 2) again.resolve();
  });
  await startNode("a", { join: [mute.getMultiaddrs()[0]!.toString()] });
  await again.promise;
  expect(mute.getConnections().length).toBeLessThanOrEqual(1);
});
