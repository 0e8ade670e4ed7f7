/**
 * Streams of non-members: length-prefixed messages both ways, read with it-pipe and it-length-prefixed. Both
 * ends use it; who dials whom is left to client.ts and mesh.ts, the meaning of messages to the layers above.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { decode, encode } from "it-length-prefixed";
import { pipe } from "it-pipe";
import { plain } from "./framing.ts";
import type { Host } from "./host.ts";
import type { ClientStream } from "./mesh-types.ts";
import { nextDrain } from "./libp2p-care.ts";
import { timeoutSignal } from "./timeout-signal.ts";

const STREAMS_PER_CONNECTION_MAX = 8;
const STREAMS_MAX = 512;

const PREFIX = "/stolos/client/1/";
const SERVED = /^\/stolos\/client\/1\/[\w.-]{1,64}$/;

export function clientProtocol(namespace: string): string {
  return PREFIX + namespace;
}

/** The namespace whose clients the other end serves, once it has said so; null = none, or it did not say. */
export async function namespaceServed(
  host: Host,
  connection: Connection,
  signal: AbortSignal,
): Promise<string | null> {
  const said = Promise.withResolvers<readonly string[]>();
  signal.addEventListener("abort", () => said.resolve([]), { once: true });
  host.addEventListener("peer:identify", ({ detail }) => {
    if (detail.connection === connection) said.resolve(detail.protocols);
  }, { signal });
  // it may have been quicker
  host.peerStore.get(connection.remotePeer).then(({ protocols }) => {
    if (protocols.length > 0) said.resolve(protocols);
  }, () => {});
  const served = (await said.promise).find((protocol) => SERVED.test(protocol));
  return served?.slice(PREFIX.length) ?? null;
}

/** Call before the host starts. */
export async function acceptClient(
  host: Host,
  namespace: string,
  messageBytesMax: number,
  onClient: (stream: ClientStream) => void,
): Promise<void> {
  let openCount = 0;
  await host.handle(clientProtocol(namespace), (stream, connection) => {
    if (openCount >= STREAMS_MAX) {
      stream.abort(new Error(`this member serves ${STREAMS_MAX} clients already`));
      return;
    }
    openCount++;
    stream.addEventListener("close", () => openCount--);
    onClient({ peer: connection.remotePeer.toString(), ...overStream(stream, messageBytesMax) });
  }, { maxInboundStreams: STREAMS_PER_CONNECTION_MAX });
}

/** Messages over a stream. */
export function overStream(stream: Stream, messageBytesMax: number): Omit<ClientStream, "peer"> {
  return {
    messages: readMessages(stream, messageBytesMax),
    async send(data) {
      if (data.byteLength > messageBytesMax) {
        throw new RangeError(
          `Cannot send a message: it may have ${messageBytesMax} bytes, got ${data.byteLength}`,
        );
      }
      if (!stream.send(encode.single(data))) await nextDrain(stream);
    },
    close() {
      stream.close({ signal: timeoutSignal(1000) }).catch((error) => stream.abort(error));
    },
  };
}

async function* readMessages(stream: Stream, maxDataLength: number): AsyncGenerator<Uint8Array> {
  try {
    const messages = pipe(stream, (source) => decode(source, { maxDataLength }));
    for await (const message of messages) yield plain(message.subarray());
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}
