/**
 * Where libp2p needs care. Costs: two system calls per encrypted message, and a window update (a whole
 * encrypted message) per received one, together a third of the CPU time of a small frame. Faults: a dial that
 * is aborted while it connects crashes the process, and onDrain() waits only once. Works from outside on what
 * libp2p hands out, and does nothing where that looks unexpected.
 */
import { BroadcastChannel } from "node:worker_threads";
import type { Listeners } from "./listeners.ts";
import type {
  ConnectionEncrypter,
  Libp2p,
  Listener,
  MultiaddrConnection,
  Stream,
  StreamMuxer,
  StreamMuxerFactory,
  Transport,
  Upgrader,
} from "@libp2p/interface";

/**
 * A transport that writes every message to the socket in one piece, not length and body apart, whose dials
 * can be aborted, and which says why it cannot listen: libp2p's own error is a text of stacks. The time to
 * connect must be bounded by the transport itself.
 */
export function careful<C, T extends Transport>(
  create: (components: C) => T,
  listeners?: Listeners,
): (components: C) => T {
  return (components) => {
    const transport = create(components);
    const dial = transport.dial.bind(transport);
    const createListener = transport.createListener.bind(transport);
    transport.dial = (address, options) => {
      const { signal } = options;
      // Given this signal, net.connect() would destroy the socket with an error that nobody listens for.
      const never = new AbortController().signal;
      return untilAborted(
        dial(address, { ...options, signal: never, upgrader: wrap(options.upgrader, signal) }),
        signal,
      );
    };
    transport.createListener = (options) => {
      const upgrader = wrap(options.upgrader);
      const create = (upgrader: Upgrader): Listener => createListener({ ...options, upgrader });
      return listeners ? listeners.add(create, upgrader) : create(upgrader);
    };
    return transport;
  };
}

/** As the promise, or rejects with the signal's reason if that is first. */
export async function untilAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  result.catch(() => {});
  try {
    if (signal.aborted) abort();
    return await Promise.race([result, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function wrap(upgrader: Upgrader, dialSignal?: AbortSignal): Upgrader {
  const wrapped: Upgrader = Object.create(upgrader);
  wrapped.upgradeInbound = (connection, options) => upgrader.upgradeInbound(joined(connection), options);
  wrapped.upgradeOutbound = (connection, options) => {
    dialSignal?.throwIfAborted();
    return upgrader.upgradeOutbound(joined(connection), {
      ...options,
      ...(dialSignal && { signal: dialSignal }),
    });
  };
  return wrapped;
}

function joined(connection: MultiaddrConnection): MultiaddrConnection {
  const send = connection.send.bind(connection);
  connection.send = (data) => send(data.subarray());
  return connection;
}

/** The part of noise's encrypted stream that is looked at here. */
interface DecodingStream {
  readonly decoder?: { lengthDecoder?: (data: { readonly byteLength: number }) => number };
}

/**
 * Noise's reader asks for a length behind every message it took, and expects a RangeError when there is none
 * yet. Without the cost of throwing: nothing is as long as NaN, so it waits for more bytes just the same.
 */
const TOO_SHORT = NaN;
const LENGTH_BYTES = 2;

/** An encrypter that does not throw an error for every chunk that was read to its end. */
export function thrifty<C, E extends ConnectionEncrypter>(
  create: (components: C) => E,
): (components: C) => E {
  return (components) => {
    const encrypter = create(components);
    const inbound = encrypter.secureInbound.bind(encrypter);
    const outbound = encrypter.secureOutbound.bind(encrypter);
    const quieten = <T extends { readonly connection: unknown }>(secured: T): T => {
      const { decoder } = secured.connection as DecodingStream;
      const decode = decoder?.lengthDecoder;
      if (decoder !== undefined && decode !== undefined) {
        decoder.lengthDecoder = (data) => data.byteLength < LENGTH_BYTES ? TOO_SHORT : decode(data);
      }
      return secured;
    };
    encrypter.secureInbound = async (stream, options) => quieten(await inbound(stream, options));
    encrypter.secureOutbound = async (stream, options) => quieten(await outbound(stream, options));
    return encrypter;
  };
}

/** The part of a yamux stream that is looked at here. */
interface WindowedStream {
  readonly state: number;
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/** States of a yamux stream in which a window update carries no flag that the peer waits for. */
const SYN_SENT = 1;
const ESTABLISHED = 3;

/** The part of a muxer that is looked at here: what it makes of a stream that the peer opened. */
interface Accepting {
  onRemoteStream?(stream: Stream): void;
}

/** A muxer whose streams renew the receive window when half of it is used, not after every message. */
export function sparing<C, F extends StreamMuxerFactory>(create: (components: C) => F): (components: C) => F {
  return (components) => {
    const factory = create(components);
    const createMuxer = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => {
      const muxer: StreamMuxer & Accepting = createMuxer(connection);
      const open = muxer.createStream.bind(muxer);
      const accept = muxer.onRemoteStream?.bind(muxer);
      muxer.createStream = async (options) => renewWindowRarely(await open(options));
      if (accept) muxer.onRemoteStream = (stream) => accept(renewWindowRarely(stream));
      return muxer;
    };
    return factory;
  };
}

function renewWindowRarely<S extends Stream>(stream: S): S {
  const windowed = stream as Partial<WindowedStream>;
  const update = windowed.sendWindowUpdate?.bind(stream);
  if (update === undefined || typeof windowed.recvWindowCapacity !== "number") return stream;
  windowed.sendWindowUpdate = () => {
    const { state, recvWindow = 0, recvWindowCapacity = 0 } = windowed;
    if ((state === ESTABLISHED || state === SYN_SENT) && recvWindowCapacity > recvWindow / 2) return;
    update();
  };
  return stream;
}

/** Resolves when the stream takes data again. Its own onDrain() resolves at once after the first time. */
export function nextDrain(stream: Stream, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const over = new AbortController();
  const once = { signal: over.signal };
  stream.addEventListener("drain", () => resolve(), once);
  stream.addEventListener("close", () => reject(new Error("the stream is closed")), once);
  signal?.addEventListener("abort", () => reject(signal.reason), once);
  if (signal?.aborted) reject(signal.reason);
  else if (stream.status !== "open") reject(new Error(`the stream is ${stream.status}`));
  else if (!stream.writableNeedsDrain) resolve();
  return promise.finally(() => over.abort());
}

/**
 * Uses the peer store for the first time, so that it keeps no process alive. Its mutexes (mortice 3.3.1) open
 * a BroadcastChannel for the whole process, never close it, and can unref it only where the global one is
 * Node's: Deno's (2.9) would keep every program alive that ever had a host.
 */
export function unrefPeerStore({ peerStore, peerId }: Pick<Libp2p, "peerStore" | "peerId">): void {
  const own = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = BroadcastChannel as unknown as typeof own;
  try {
    // the first mutex is made before it returns
    peerStore.has(peerId).catch(() => {});
  } finally {
    globalThis.BroadcastChannel = own;
  }
}

/** What is looked at here of what libp2p leaves running. */
interface Leftovers {
  readonly components?: {
    readonly addressManager?: { readonly _updatePeerStoreAddresses?: { stop?(): void } };
  };
  readonly services?: {
    readonly pubsub?: { readonly status?: { readonly heartbeatTimeout?: NodeJS.Timeout } };
  };
}

/**
 * Stops the host, and two timers that stop() leaves: gossipsub's next heartbeat (17.1.1), and the noting of
 * its addresses, which the end of each listener starts anew (libp2p 3.3.11). Each would keep the process
 * alive for a second or two.
 */
export async function stopWhole(host: Libp2p): Promise<void> {
  const { components, services } = host as Leftovers;
  const heartbeat = services?.pubsub?.status?.heartbeatTimeout;
  try {
    await host.stop();
  } finally {
    clearTimeout(heartbeat);
    components?.addressManager?._updatePeerStoreAddresses?.stop?.();
  }
}
