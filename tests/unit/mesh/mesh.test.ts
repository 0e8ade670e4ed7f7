/** The mesh over real sockets on loopback: who meets whom, frames, back-pressure, refusals, clients. */
import { afterEach, expect, test } from "bun:test";
import { connectClient } from "../../../src/mesh/client.ts";
import { createMesh } from "../../../src/mesh/mesh.ts";
import { startNode, startPair, stopNodes } from "../../support/mesh.ts";

afterEach(stopNodes);

/** A frame whose bytes tell its number and position. */
function patterned(number: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) frame[i] = (number * 31 + i * 7 + (i >> 8)) & 255;
  return frame;
}

test("nodes that only join the first one all meet", async () => {
  const a = await startNode("a");
  const join = [a.mesh.addresses[0]!];
  const others = await Promise.all([startNode("b", { join }), startNode("c", { join })]);
  for (const node of [a, ...others]) await node.until("it sees two peers", () => node.ups.size === 2);
  expect([...a.mesh.peers().values()].map((hello) => hello.name).sort()).toEqual(["b", "c"]);
  expect(others[0]!.mesh.peers().get(a.mesh.id)!.addresses).toEqual([...a.mesh.addresses]);
});

test("a node that joins only itself stays alone and reports nothing", async () => {
  const probe = await startNode("probe");
  const port = /tcp\/(\d+)/.exec(probe.mesh.addresses[0]!)![1];
  await probe.mesh.stop();
  const address = `/ip4/127.0.0.1/tcp/${port}`;
  const alone = await startNode("alone", { listen: [address], join: [address] });
  const other = await startNode("other", { join: [address] });
  await other.until("it sees one peer", () => other.ups.size === 1);
  await alone.until("it sees one peer", () => alone.ups.size === 1);
  expect(alone.log).toEqual(["up other"]);
});

test("frames of 1 byte to 2 MB arrive whole and in order both ways at once", async () => {
  const [a, b] = await startPair();
  const sizes = [1, 127, 128, 1000, 65_519, 65_536, 200_000, 2_000_000];
  const count = 40;
  const size = (i: number): number => i % 20 === 19 ? 2_000_000 : sizes[i % 7]!;
  for (let i = 0; i < count; i++) {
    const frame = patterned(i, size(i));
    const cut = frame.byteLength >> 1;
    a.mesh.send(b.mesh.id, [frame.subarray(0, cut), frame.subarray(cut)]);
    b.mesh.send(a.mesh.id, [frame]);
    if (i % 10 === 9) await b.until("frames so far", () => b.frames.length > i - 10);
  }
  await a.until("all frames", () => a.frames.length === count);
  await b.until("all frames", () => b.frames.length === count);
  for (const node of [a, b]) {
    for (const [i, { frame }] of node.frames.entries()) {
      expect(Buffer.compare(frame, patterned(i, size(i)))).toBe(0);
    }
  }
});

test("congestion is signalled when frames wait, and its end when all are handed over", async () => {
  const [a, b] = await startPair({ queueBytesMax: 64 * 1024 * 1024 });
  const frame = patterned(1, 1_000_000);
  for (let i = 0; i < 10; i++) a.mesh.send(b.mesh.id, [frame]);
  await a.until("it is relieved", () => a.log.includes("congested false"));
  await b.until("all frames", () => b.frames.length === 10);
  expect(a.log.filter((line) => line.startsWith("congested"))).toEqual(["congested true", "congested false"]);
  expect(b.frames.every((received) => received.frame.byteLength === frame.byteLength)).toBe(true);
});

test("a peer for which more than queueBytesMax waits is cut off", async () => {
  const [a, b] = await startPair({ queueBytesMax: 2_000_000 });
  const frame = patterned(1, 1_000_000);
  for (let i = 0; i < 20; i++) a.mesh.send(b.mesh.id, [frame]);
  expect(a.log.some((line) => line.startsWith("rejected does not read"))).toBe(true);
  expect(a.ups.size).toBe(0);
});

test("a frame above frameBytesMax is refused by the sender", async () => {
  const [a, b] = await startPair({ frameBytesMax: 1000 });
  expect(() => a.mesh.send(b.mesh.id, [new Uint8Array(1001)])).toThrow(
    "Cannot send a frame: it may have 1000 bytes, got 1001",
  );
  a.mesh.send(b.mesh.id, [new Uint8Array(1000)]);
  await b.until("the frame", () => b.frames.length === 1);
});

test("frames to a peer that is not connected are dropped", async () => {
  const a = await startNode("a");
  a.mesh.send("12D3KooWNobody", [new Uint8Array(10)]);
  expect(a.log).toEqual([]);
});

test("nodes of another major version are refused on both sides, naming both versions", async () => {
  const a = await startNode("a");
  const b = await startNode("b", { join: [a.mesh.addresses[0]!], wire: { major: 2, minor: 3 } });
  await a.until("a refuses", () => a.log.length > 0);
  await b.until("b refuses", () => b.log.length > 0);
  expect(a.log[0]).toBe("rejected speaks protocol 2.3, this node speaks 1.0");
  expect(b.log[0]).toBe("rejected speaks protocol 1.0, this node speaks 2.3");
});

test("another minor version is accepted", async () => {
  const a = await startNode("a");
  const b = await startNode("b", { join: [a.mesh.addresses[0]!], wire: { major: 1, minor: 9 } });
  await b.until("b sees a", () => b.ups.size === 1);
  await a.until("a sees b", () => a.ups.get(b.mesh.id)?.wire.minor === 9);
});

test("a node of another namespace is told that the address it joins is not a member of its own", async () => {
  const a = await startNode("a");
  const b = await startNode("b", { join: [a.mesh.addresses[0]!], namespace: "other" });
  await b.until("b is told", () => b.log.length > 0);
  expect(b.log[0]).toContain("is not a member of this namespace");
  expect(a.log).toEqual([]);
});

test("members of different clusters are refused, also when a cluster is named later", async () => {
  const [a, b] = await startPair();
  a.mesh.setCluster("north");
  a.mesh.send(b.mesh.id, [Uint8Array.of(1)]);
  await b.until("b knows", () => b.frames.length === 1);
  expect(b.mesh.peers().get(a.mesh.id)!.cluster).toBe("north");
  b.mesh.setCluster("south");
  await a.until("a refuses", () => a.log.some((line) => line.startsWith("rejected")));
  await b.until("b refuses", () => b.log.some((line) => line.startsWith("rejected")));
  expect(b.log.at(-1)).toContain("is a member of cluster north, this node of cluster south");
  expect(a.ups.size + b.ups.size).toBe(0);
});

test("a peer that stops is down at once, and up again when it is back", async () => {
  const [a, b] = await startPair();
  const address = b.mesh.addresses[0]!.replace(/\/p2p\/.*/, "");
  const beforeMs = performance.now();
  await b.mesh.stop();
  await a.until("b is down", () => a.ups.size === 0);
  expect(performance.now() - beforeMs).toBeLessThan(2000);
  await startNode("again", { listen: [address], join: [a.mesh.addresses[0]!] });
  await a.until("it is back", () => a.ups.size === 1);
  expect(a.log.at(-1)).toBe("up again");
});

test("frames that are queued when a node stops still arrive", async () => {
  const [a, b] = await startPair();
  for (let i = 0; i < 10; i++) a.mesh.send(b.mesh.id, [patterned(i, 100_000)]);
  const beforeMs = performance.now();
  await a.mesh.stop();
  expect(performance.now() - beforeMs).toBeLessThan(2000);
  await b.until("all frames", () => b.frames.length === 10);
});

test("gossip reaches all other subscribers and not the sender", async () => {
  const [a, b] = await startPair();
  a.mesh.subscribe("view");
  b.mesh.subscribe("view");
  const timer = setInterval(() => a.mesh.publish("view", new Uint8Array(5)), 100);
  await b.until("gossip", () => b.log.includes("gossip view 5")).finally(() => clearInterval(timer));
  expect(a.log.some((line) => line.startsWith("gossip"))).toBe(false);
});

test("a client's messages reach a member and are answered", async () => {
  const a = await startNode("a");
  const client = await connectClient({
    namespace: "test",
    join: ["/ip4/127.0.0.1/tcp/1", a.mesh.addresses[0]!],
    mdns: false,
    timeoutMs: 5000,
  });
  expect(client.member).toBe(a.mesh.id);
  await client.send(patterned(1, 300_000));
  await a.until("a client", () => a.clients.length === 1);
  const stream = a.clients[0]!;
  expect(stream.peer).toBe(client.id);
  for await (const message of stream.messages) {
    await stream.send(message);
    break;
  }
  for await (const message of client.messages) {
    expect(Buffer.compare(message, patterned(1, 300_000))).toBe(0);
    break;
  }
  await client.stop();
  expect(a.log).toEqual([]);
});

test("a client that finds no member says where it looked", async () => {
  const join = ["/ip4/127.0.0.1/tcp/1"];
  const attempt = connectClient({ namespace: "test", join, mdns: false, timeoutMs: 600 });
  await expect(attempt).rejects.toThrow(
    "Cannot connect to a member of namespace test within 600 ms: tried /ip4/127.0.0.1/tcp/1 (",
  );
});

test("a client's messages end when the member is gone", async () => {
  const a = await startNode("a");
  const client = await connectClient({
    namespace: "test",
    join: [...a.mesh.addresses],
    mdns: false,
    timeoutMs: 5000,
  });
  await a.mesh.stop();
  const ended = (async (): Promise<void> => {
    for await (const _ of client.messages);
  })();
  await ended.catch(() => {});
  await expect(client.send(new Uint8Array(1))).rejects.toThrow();
  await client.stop();
});

test("bad options are refused with the value seen", async () => {
  const hello = { cluster: "", name: "a", labels: {}, witness: false, expect: 1, boot: 1 };
  const none = new Proxy({}, { get: () => () => {} }) as never;
  const base = { namespace: "test", listen: [], join: [], mdns: false, hello };
  await expect(createMesh({ ...base, namespace: "a b" }, none)).rejects.toThrow('got "a b"');
  await expect(createMesh({ ...base, join: ["127.0.0.1:80"] }, none)).rejects.toThrow("got 127.0.0.1:80");
  await expect(createMesh({ ...base, privateKey: new Uint8Array(3) }, none)).rejects.toThrow("got 3 bytes");
  const a = await startNode("a");
  const taken = a.mesh.addresses[0]!.replace(/\/p2p\/.*/, "");
  await expect(createMesh({ ...base, listen: [taken] }, none)).rejects.toThrow(`Cannot listen on ${taken}`);
});
