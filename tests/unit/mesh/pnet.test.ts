/** A libp2p private network is what the secret makes: peers with @libp2p/pnet and ours talk. */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import type { Libp2p, Stream } from "@libp2p/interface";
import { preSharedKey } from "@libp2p/pnet";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, expect, test } from "bun:test";
import { createLibp2p } from "libp2p";
import { connectClient } from "../../../src/mesh/client.ts";
import { overStream } from "../../../src/mesh/client-stream.ts";
import { networkKeyOf } from "../../../src/mesh/host.ts";
import type { ClientStream, MeshClient } from "../../../src/mesh/mesh-types.ts";
import { noiseCrypto } from "../../../src/mesh/noise-crypto.ts";
import { startNode, stopNodes } from "../../support/mesh.ts";

const SECRET = "a secret of more than thirty-two characters";
const PROTOCOL = "/stolos/client/1/test";
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
const WINDOW_BYTES = 4 * 1024 * 1024;
const SIZES = [1, 63, 64, 65, 1000, 70_000, 500_000];

const hosts: Libp2p[] = [];

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  await stopNodes();
});

async function pnetHost(): Promise<Libp2p> {
  const key = Buffer.from(networkKeyOf(SECRET)).toString("hex");
  const host = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionProtector: preSharedKey({ psk: Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${key}`) }),
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [
      yamux({ streamOptions: { initialStreamWindowSize: WINDOW_BYTES, maxStreamWindowSize: WINDOW_BYTES } }),
    ],
  });
  hosts.push(host);
  return host;
}

type Talk = Pick<ClientStream | MeshClient, "messages" | "send">;

async function echo({ messages, send }: Talk): Promise<void> {
  for await (const message of messages) await send(message);
}

/** Sends messages of all sizes, and expects them back. */
async function converse({ messages, send }: Talk): Promise<void> {
  const sent = SIZES.map((bytes) => Buffer.alloc(bytes, String(bytes)));
  const sending = (async () => {
    for (const message of sent) await send(message);
  })();
  let at = 0;
  for await (const message of messages) {
    expect(Buffer.compare(message, sent[at]!)).toBe(0);
    if (++at === sent.length) break;
  }
  expect(at).toBe(SIZES.length);
  await sending;
}

test("a peer with @libp2p/pnet reaches a node", async () => {
  const node = await startNode("a", { secret: SECRET }, { client: (stream) => void echo(stream) });
  const host = await pnetHost();
  const stream = await host.dialProtocol(multiaddr(node.mesh.addresses[0]!), PROTOCOL);
  await converse(overStream(stream, MESSAGE_BYTES_MAX));
  expect(node.log).toEqual([]);
});

test("a client reaches a peer with @libp2p/pnet", async () => {
  const host = await pnetHost();
  await host.handle(PROTOCOL, (stream: Stream) => void echo(overStream(stream, MESSAGE_BYTES_MAX)));
  const join = host.getMultiaddrs().map(String);
  const client = await connectClient({
    namespace: "test",
    join,
    mdns: false,
    timeoutMs: 5000,
    secret: SECRET,
  });
  await converse(client);
  await client.stop();
});
