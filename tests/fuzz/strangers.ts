/**
 * A real node on loopback and strangers that connect to it: raw sockets, libp2p peers that greet like members
 * and then send changed traffic of another cluster, clients that ask for nonsense, gossip that lies. The node
 * must stay up, keep what it has, and go on working; its memory must stay bounded.
 */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { gossipsub } from "@chainsafe/libp2p-gossipsub";
import { identify } from "@libp2p/identify";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { encode } from "it-length-prefixed";
import { createLibp2p } from "libp2p";
import { createConnection } from "node:net";
import { createNode, defineTask, type Node } from "../../mod.ts";
import { encodeHello } from "../../src/mesh/hello.ts";
import { noiseCrypto } from "../../src/mesh/noise-crypto.ts";
import type { Rng } from "../../src/testing/rng.ts";
import type { Tally } from "./decoders.ts";
import { mutated } from "./mutate.ts";
import { HELLO, type Recordings } from "./recordings.ts";

const NAMESPACE = "fuzz";
const MESSAGES_PER_STRANGER = 200;
const noop = defineTask<null, string>({ name: "noop" });

/** First byte of a message between members that carries protocol. */
const KIND_FRAME = 0;

interface Target {
  readonly node: Node;
  readonly address: string;
  readonly port: number;
}

type Attack = (rng: Rng, target: Target, recordings: Recordings) => Promise<number>;

async function stranger(): Promise<Libp2p> {
  return await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: { identify: identify(), pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }) },
  }) as Libp2p;
}

async function asStranger(
  { address }: Target,
  act: (host: Libp2p, connection: Connection) => Promise<number>,
): Promise<number> {
  const host = await stranger();
  try {
    return await act(host, await host.dial(multiaddr(address)));
  } catch {
    // cut off: that is one way to be refused
    return 1;
  } finally {
    await host.stop();
  }
}

function sendAll(stream: Stream, messages: Iterable<Uint8Array>): number {
  let count = 0;
  for (const message of messages) {
    if (stream.status !== "open") break;
    stream.send(encode.single(message));
    count++;
  }
  return count;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function* frames(rng: Rng, corpus: readonly Uint8Array[]): Iterable<Uint8Array> {
  yield encodeHello(HELLO);
  for (let i = 0; i < MESSAGES_PER_STRANGER; i++) {
    const frame = rng.chance(0.3) ? rng.pick(corpus) : mutated(rng, corpus);
    yield Uint8Array.from([rng.chance(0.9) ? KIND_FRAME : rng.int(256), ...frame]);
  }
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  "raw sockets": async (rng, { port }) => {
    const socket = createConnection({ port, host: "127.0.0.1" }).on("error", () => {});
    const bytes = mutated(rng, [Buffer.from("\x13/multistream/1.0.0\n\x07/noise\n"), new Uint8Array(300)]);
    socket.write(bytes);
    await pause(5);
    // half of what it promised, and then nothing
    if (rng.chance(0.8)) socket.destroy();
    else setTimeout(() => socket.destroy(), 2000);
    return 1;
  },
  "streams of members": (rng, target, recordings) =>
    asStranger(target, async (host, connection) => {
      const protocol = `/stolos/mesh/${NAMESPACE}`;
      const sent = Promise.withResolvers<number>();
      await host.handle(protocol, (stream) => {
        sent.resolve(sendAll(stream, frames(rng, recordings.frames)));
      });
      if (host.peerId.toString() < target.node.id) {
        sent.resolve(sendAll(await connection.newStream(protocol), frames(rng, recordings.frames)));
      }
      const count = await Promise.race([sent.promise, pause(2000).then(() => 1)]);
      await pause(20);
      return count;
    }),
  "streams of clients": (rng, target, recordings) =>
    asStranger(target, async (_host, connection) => {
      const stream = await connection.newStream(`/stolos/client/1/${NAMESPACE}`);
      const corpus = recordings.requests;
      const requests = Array.from({ length: 20 }, () => mutated(rng, corpus));
      const count = sendAll(stream, requests);
      await pause(20);
      return count;
    }),
  "gossip": (rng, target, recordings) =>
    asStranger(target, async (host) => {
      const { pubsub } = host.services as unknown as { pubsub: ReturnType<ReturnType<typeof gossipsub>> };
      for (const topic of ["members", "ownership", "digest"]) {
        pubsub.subscribe(`stolos/${NAMESPACE}/${topic}`);
      }
      await pause(1500);
      for (let i = 0; i < 50; i++) {
        const topic = `stolos/${NAMESPACE}/${rng.pick(["members", "ownership", "digest", "other"])}`;
        const data = rng.chance(0.3) ? rng.pick(recordings.news) : mutated(rng, recordings.news);
        await pubsub.publish(topic, data).catch(() => {});
      }
      await pause(50);
      return 50;
    }),
};

/** The tallies, and by how many MB the process has grown from the middle of it to its end. */
export async function fuzzNode(
  rng: Rng,
  recordings: Recordings,
  seconds: number,
): Promise<{ readonly tallies: readonly Tally[]; readonly grownMb: number }> {
  const node = await createNode({ namespace: NAMESPACE, mdns: false });
  await node.client.setRetention({ completedMs: 1000, failedMs: 1000 });
  let rejected = 0;
  node.addEventListener("peer:rejected", () => rejected++);
  node.handle(noop, () => "done");
  const crashes: string[] = [];
  const note = (error: unknown): void =>
    void crashes.push(error instanceof Error ? error.stack ?? "" : `${error}`);
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  try {
    await node.ready();
    const [address = ""] = node.addresses;
    const target = { node, address, port: Number(/tcp\/(\d+)/.exec(address)?.[1]) };
    const tallies: Tally[] = [];
    let middleMb = 0;
    for (const [surface, attack] of Object.entries(ATTACKS)) {
      const tally: Tally = { surface, inputs: 0, rejected: 0, seconds: seconds / 4, findings: [] };
      const before = rejected;
      const endMs = performance.now() + tally.seconds * 1000;
      while (performance.now() < endMs) tally.inputs += await attack(rng, target, recordings);
      tally.rejected = rejected - before;
      for (const error of crashes.splice(0)) tally.findings.push({ surface, inputHex: "", error });
      await checkAlive(node, tally);
      tallies.push(tally);
      if (tallies.length === 2) middleMb = process.memoryUsage().rss / 1e6;
    }
    return { tallies, grownMb: process.memoryUsage().rss / 1e6 - middleMb };
  } finally {
    await node.stop({ now: true });
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
  }
}

/** It works, and nobody has become a member. */
async function checkAlive(node: Node, tally: Tally): Promise<void> {
  const fail = (error: string): void =>
    void tally.findings.push({ surface: tally.surface, inputHex: "", error });
  const members = node.nodes().length;
  if (members !== 1) fail(`the node has ${members} members now`);
  try {
    const handle = await node.client.submit(noop, null);
    const outcome = await handle.done({ signal: AbortSignal.timeout(10_000) });
    if (outcome.state !== "completed") fail(`a task ${outcome.state}`);
  } catch (error) {
    fail(`it does not work any more: ${error}`);
  }
}
