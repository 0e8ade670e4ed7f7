/** Peers that speak libp2p but not our protocol: each is refused and the member stays up. */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Libp2p, Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, expect, test } from "bun:test";
import { encode } from "it-length-prefixed";
import { createLibp2p } from "libp2p";
import { createConnection } from "node:net";
import { encodeHello } from "../../../src/mesh/hello.ts";
import { noiseCrypto } from "../../../src/mesh/noise-crypto.ts";
import { connectClient } from "../../../src/mesh/client.ts";
import { startNode, startPair, stopNodes, type TestNode } from "../../support/mesh.ts";

const PROTOCOL = "/stolos/mesh/test";
const hosts: Libp2p[] = [];

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  await stopNodes();
});

/** A libp2p host that answers the member's stream, or opens its own, with `first`. */
async function attack(target: TestNode, first: Uint8Array): Promise<void> {
  const host = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  });
  hosts.push(host);
  const speak = (stream: Stream): void => {
    stream.send(first);
  };
  await host.handle(PROTOCOL, speak);
  const connection = await host.dial(multiaddr(target.mesh.addresses[0]!));
  if (host.peerId.toString() < target.mesh.id) speak(await connection.newStream(PROTOCOL));
}

function lengthPrefixed(...messages: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(messages.map((message) => encode.single(message).subarray()));
}

const hello = encodeHello({
  wire: { major: 1, minor: 0 },
  namespace: "test",
  cluster: "",
  name: "hostile",
  labels: {},
  witness: false,
  expect: 1,
  boot: 1,
  addresses: [],
});

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

for (
  const [what, bytes, reason] of [
    ["a hello of garbage", lengthPrefixed(text("GET / HTTP/1.1")), "is not a Stolos hello"],
    ["an endless length", new Uint8Array(10).fill(255), "the length of a message is garbage"],
    ["a hello of 2 MB", Uint8Array.of(128, 137, 122), "longer than 65536"],
    ["an empty message", Uint8Array.of(0), "a message is empty"],
    ["a hello without JSON", lengthPrefixed(Buffer.concat([hello.subarray(0, 8), text("{")])), "not JSON"],
    [
      "a hello without fields",
      lengthPrefixed(Buffer.concat([hello.subarray(0, 8), text("{}")])),
      "bad field",
    ],
    [
      "a frame above the limit",
      Buffer.concat([lengthPrefixed(hello), Uint8Array.of(255, 255, 255, 7)]),
      "longer",
    ],
    [
      "a bad list of peers",
      lengthPrefixed(hello, Buffer.concat([Uint8Array.of(1), text("[7]")])),
      "bad list",
    ],
  ] as const
) {
  test(`${what} is refused and the member goes on`, async () => {
    const [a, b] = await startPair();
    await attack(a, bytes);
    await a.until("a refuses it", () => a.log.some((line) => line.includes(reason)));
    expect(a.log.some((line) => line.startsWith("rejected"))).toBe(true);
    a.mesh.send(b.mesh.id, [Uint8Array.of(1)]);
    await b.until("a still sends", () => b.frames.length === 1);
  });
}

test("a connection that does not speak libp2p leaves the member up", async () => {
  const [a, b] = await startPair();
  const port = Number(/tcp\/(\d+)/.exec(a.mesh.addresses[0]!)![1]);
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  const socket = createConnection({ port, host: "127.0.0.1" }).on("error", () => {});
  socket.write("GET / HTTP/1.1\r\n\r\n".repeat(1000), () => resolve());
  await sent;
  a.mesh.send(b.mesh.id, [Uint8Array.of(1)]);
  await b.until("a still sends", () => b.frames.length === 1);
  socket.destroy();
});

test("a client that sends a message above the limit is cut off alone", async () => {
  const a = await startNode("a", { frameBytesMax: 1000 });
  const options = { namespace: "test", join: [...a.mesh.addresses], mdns: false, timeoutMs: 5000 };
  const client = await connectClient(options);
  await client.send(new Uint8Array(5000));
  await a.until("a client", () => a.clients.length === 1);
  const read = (async (): Promise<void> => {
    for await (const _ of a.clients[0]!.messages);
  })();
  await expect(read).rejects.toThrow("too long");
  await client.stop();
});
