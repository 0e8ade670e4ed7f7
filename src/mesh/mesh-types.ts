/**
 * The contract of the mesh: what a node says of itself, what the mesh reports, what it can be asked.
 * Implemented by mesh.ts (members) and client.ts (non-members); the layers above know no more of libp2p than
 * what it counts with.
 */
import type { NodeId } from "../protocol/model/types.ts";

/** Version of the frames on the stream. Another major version is refused, another minor one is not. */
export interface WireVersion {
  readonly major: number;
  readonly minor: number;
}

/**
 * libp2p's `Metrics`, as far as whoever passes it on knows it. Its own type is not named: mod.ts shows this
 * one, and libp2p's declarations, which need the DOM's, would come into every program that is type-checked.
 */
export interface Libp2pMetrics {
  trackMultiaddrConnection(connection: never): void;
  trackProtocolStream(stream: never): void;
  registerMetric(name: string): unknown;
  registerMetricGroup(name: string): unknown;
  registerCounter(name: string): unknown;
  registerCounterGroup(name: string): unknown;
}

/** What libp2p takes to count by, @libp2p/prometheus-metrics for one. libp2p gives it its components. */
export type MetricsFactory = (components: never) => Libp2pMetrics;

/** What a member says first on the stream of a pair. */
export interface Hello {
  readonly wire: WireVersion;
  readonly namespace: string;
  /** "" = not a member of any cluster yet. */
  readonly cluster: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly witness: boolean;
  readonly expect: number;
  readonly boot: number;
  /** Full multiaddrs with /p2p/ID. */
  readonly addresses: readonly string[];
}

/** All addresses of a host; rejects when it has none. `family` 0 = both. */
export type Lookup = (
  host: string,
  family: 0 | 4 | 6,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export interface MeshOptions {
  /** 1 to 64 of `a-z A-Z 0-9 . _ -`. Nodes of different namespaces never form links. */
  readonly namespace: string;
  /** Multiaddrs to listen on, e.g. `/ip4/127.0.0.1/tcp/0`. */
  readonly listen: readonly string[];
  /**
   * Multiaddrs of members, with or without /p2p/ID; dialled again forever. Names are looked up again and
   * again, all addresses behind them are dialled. One's own address does no harm.
   */
  readonly join: readonly string[];
  /** Addresses to advertise instead of those that are listened on. */
  readonly announce?: readonly string[];
  /** Find members of the namespace on the local network and let them find this node. */
  readonly mdns: boolean;
  readonly hello: Omit<Hello, "addresses" | "wire" | "namespace">;
  /** Longest frame that is sent or accepted. @default 4 MiB */
  readonly frameBytesMax?: number;
  /** What may wait for one peer that does not read; beyond it the peer is cut off. @default 16 MiB */
  readonly queueBytesMax?: number;
  /** Identity as a libp2p private key in protobuf form. @default a fresh Ed25519 key */
  readonly privateKey?: Uint8Array;
  /** Looks up names in `join`; given by tests. @default the system's */
  readonly lookup?: Lookup;
  /** Shared by all nodes and clients: who lacks it gets nothing. @default none, for loopback */
  readonly secret?: string | null;
  /** Peer ids of all who may connect. @default whoever knows the secret */
  readonly allow?: readonly string[] | null;
  /** What libp2p counts with. @default nothing */
  readonly metrics?: MetricsFactory;
  /** Version to speak; given by tests that check the refusal of others. @default WIRE_VERSION */
  readonly wire?: WireVersion;
}

/** Callbacks run synchronously and must not throw. None comes after `stop()` was called. */
export interface MeshEvents {
  /** The stream to a member is open and its hello accepted. Always followed by one `peerDown`. */
  peerUp(id: NodeId, hello: Hello): void;
  /** `isClosed`: the peer's end closed it, as when its process dies; else this end gave the peer up. */
  peerDown(id: NodeId, isClosed: boolean): void;
  /** A whole frame, in the order sent. A view into a larger buffer: copy what is kept for long. */
  frame(from: NodeId, frame: Uint8Array): void;
  /** Frames to the peer wait for it to read (on) or all have been handed to the network (off). */
  congested(id: NodeId, on: boolean): void;
  /**
   * A peer was refused or cut off; "" when it never proved an identity. Repeats are reported once a minute.
   */
  rejected(id: NodeId | "", reason: string): void;
  /**
   * Nobody answers at a `join` address, or it cannot be looked up, or it is of a peer that was found and that
   * only its own host can dial. At most once a minute for each.
   */
  unreachable?(address: string, reason: string): void;
  /** Nobody could connect at an address that this node listens on. */
  listenTrouble?(address: string, reason: string): void;
  /** A gossiped message; `from` signed it and need not be a linked peer. */
  gossip(topic: string, from: NodeId, data: Uint8Array): void;
  client(request: ClientStream): void;
}

export interface Mesh {
  readonly id: NodeId;
  /** Full multiaddrs with /p2p/ID. */
  readonly addresses: readonly string[];
  peers(): ReadonlyMap<NodeId, Hello>;
  /**
   * Ordered per peer, whole frames; silently dropped when the peer is not connected. A frame is the
   * concatenation of the parts, which must not be changed afterwards. Throws RangeError above frameBytesMax.
   */
  send(to: NodeId, parts: readonly Uint8Array[]): void;
  /** Names the cluster this node belongs to from now on; members of another one are refused. */
  setCluster(cluster: string): void;
  subscribe(topic: string): void;
  /** Best effort: gossip may be lost, repeated and late. */
  publish(topic: string, data: Uint8Array): void;
  /** Hands queued frames to the network, closes everything; takes 2 s at most. */
  stop(): Promise<void>;
}

/** The member's end of a client's stream. */
export interface ClientStream {
  readonly peer: NodeId;
  /** Ends when the client is gone; throws when it sends garbage. Can be iterated once. */
  readonly messages: AsyncIterable<Uint8Array>;
  /** Resolves when more can be sent. Rejects when the client is gone. */
  send(data: Uint8Array): Promise<void>;
  close(): void;
}

/** A client's stream to one member. */
export interface MeshClient {
  readonly id: NodeId;
  readonly member: NodeId;
  /** Ends when the member is gone. Can be iterated once. */
  readonly messages: AsyncIterable<Uint8Array>;
  /** Resolves when more can be sent. Rejects when the member is gone. */
  send(data: Uint8Array): Promise<void>;
  stop(): Promise<void>;
}

/** A mesh or a client could not be created. */
export class MeshError extends Error {
  readonly code: "INVALID_INPUT" | "LISTEN_FAILED" | "CONNECT_FAILED";

  constructor(code: MeshError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MeshError";
    this.code = code;
  }
}
