/**
 * The mesh of a member: joins discovery, links, gossip and clients behind the contract of mesh-types.ts. What
 * the frames mean is left to the layers above.
 */
import type { Message } from "@chainsafe/libp2p-gossipsub";
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import type { NodeId } from "../protocol/model/types.ts";
import { acceptClient } from "./client-stream.ts";
import { decodeCluster, decodePeers, encodePeers } from "./control-codec.ts";
import { dial } from "./dial.ts";
import { Dialer, type Reached } from "./dialer.ts";
import { WIRE_VERSION } from "./hello.ts";
import { createHost, type Host } from "./host.ts";
import { Joins } from "./joins.ts";
import { isLoopback, leadingElsewhere } from "./addresses.ts";
import { stopWhole } from "./libp2p-care.ts";
import { Listeners, type ListenFailure } from "./listeners.ts";
import { KIND } from "./link.ts";
import { checkHello, Links } from "./links.ts";
import { type Hello, type Mesh, MeshError, type MeshEvents, type MeshOptions } from "./mesh-types.ts";
import { timeoutSignal } from "./timeout-signal.ts";

const FRAME_BYTES_MAX = 4 * 1024 * 1024;
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
const DIAL_TIMEOUT_MS = 8000;
const STOP_TIMEOUT_MS = 2000;
/** Of which so much at most goes to handing out what is queued. */
const FLUSH_TIMEOUT_MS = 1000;

/** Starts listening, dialling and looking for members. Rejects with a MeshError. */
export async function createMesh(options: MeshOptions, events: MeshEvents): Promise<Mesh> {
  checkAddresses("join", options.join);
  checkAddresses("listen", options.listen);
  checkAddresses("announce", options.announce ?? []);
  const listeners = new Listeners({
    onTrouble: (address, reason) => events.listenTrouble?.(address, reason),
  });
  const host = await createHost({
    namespace: options.namespace,
    listen: options.listen,
    ...(options.announce && { announce: options.announce }),
    ...(options.metrics && { metrics: options.metrics }),
    ...(options.privateKey && { privateKey: options.privateKey }),
    // it finds and denies nobody before it is started
    ...(options.mdns && { found: (...peer) => mesh.found(...peer) }),
    listeners,
    isClient: false,
    security: {
      secret: options.secret ?? null,
      allow: options.allow ?? null,
      denied: (id, reason) => mesh.denied(id, reason),
    },
  });
  const mesh = new MemberMesh(host, listeners, options, events);
  await mesh.start();
  return mesh;
}

class MemberMesh implements Mesh {
  readonly id: NodeId;
  readonly #host: Host;
  readonly #listeners: Listeners;
  readonly #options: MeshOptions;
  readonly #events: MeshEvents;
  readonly #frameBytesMax: number;
  readonly #links: Links;
  readonly #dialer: Dialer;
  readonly #joins: Joins;
  readonly #gossip: Gossip;
  readonly #rejections: Rejections;
  /** Of those that have not shown who they are: they must not hide the others. */
  readonly #strangers: Rejections;
  readonly #stopping = new AbortController();
  #cluster: string;
  #stopped: Promise<void> | undefined;

  constructor(host: Host, listeners: Listeners, options: MeshOptions, events: MeshEvents) {
    this.id = host.peerId.toString();
    this.#host = host;
    this.#listeners = listeners;
    this.#options = options;
    this.#events = events;
    this.#cluster = options.hello.cluster;
    this.#frameBytesMax = options.frameBytesMax ?? FRAME_BYTES_MAX;
    this.#rejections = new Rejections((id, reason) => events.rejected(id, reason));
    this.#strangers = new Rejections((id, reason) => events.rejected(id, reason));
    const limits = {
      frameBytesMax: this.#frameBytesMax,
      queueBytesMax: options.queueBytesMax ?? QUEUE_BYTES_MAX,
    };
    this.#links = new Links(host, options.namespace, limits, {
      hello: () => this.#hello(),
      up: (id, hello) => this.#up(id, hello),
      down: (id, isClosed) => this.#isLive() && events.peerDown(id, isClosed),
      frame: (from, frame) => this.#isLive() && events.frame(from, frame),
      control: (from, kind, body) => this.#control(from, kind, body),
      congested: (id, on) => this.#isLive() && events.congested(id, on),
      cutOff: (id, reason) => this.#report(id, reason),
      refused: (id, reason) => {
        this.#dialer.refused(id);
        this.#report(id, reason);
      },
      dialable: (addresses, isNear) => this.#dialable(addresses, isNear),
      ticked: () => this.#tick(),
    });
    this.#dialer = new Dialer({
      self: this.id,
      dial: (addresses) => this.#dial(addresses),
      isConnected: (id) => this.#isConnected(id),
      failed: (address, reason) => this.#joins.failed(address, reason),
    });
    this.#joins = new Joins({
      addresses: options.join,
      dialer: this.#dialer,
      ...(options.lookup && { lookup: options.lookup }),
      unreachable: (address, reason) => this.#isLive() && events.unreachable?.(address, reason),
    });
    this.#gossip = new Gossip(host, options.namespace, (topic, from, data) => {
      if (!this.#links.hellos.has(from)) this.#dialer.heard(from);
      if (this.#isLive()) events.gossip(topic, from, data);
    });
  }

  get addresses(): readonly string[] {
    return this.#host.getMultiaddrs().map((address) => address.toString());
  }

  async start(): Promise<void> {
    const { namespace } = this.#options;
    await this.#links.listen();
    await acceptClient(this.#host, namespace, this.#frameBytesMax, (stream) => {
      if (this.#isLive()) this.#events.client(stream);
      else stream.close();
    });
    this.#host.addEventListener("connection:close", ({ detail }) => {
      // libp2p forgets the connection in a listener of its own, which may come after this one.
      const id = detail.remotePeer.toString();
      queueMicrotask(() => {
        if (!this.#isConnected(id)) this.#dialer.down(id);
      });
    });
    try {
      await this.#host.start();
    } catch (cause) {
      await this.stop();
      throw listenError(this.#options.listen, this.#listeners.failures, cause);
    }
    await this.#checkListeners();
    this.#joins.start();
  }

  /** libp2p is content with one of several. So are we when this host has no addresses of that family. */
  async #checkListeners(): Promise<void> {
    const { addresses, failures } = this.#listeners;
    const failure = failures.find((each) => !isForLackOfIpv6(each));
    if (failure === undefined && (addresses.length > 0 || this.#options.listen.length === 0)) return;
    await this.stop();
    const refused = failure === undefined ? [] : [failure];
    const refusal = listenError(this.#options.listen, refused, failure?.error);
    if (failure?.address.startsWith("/ip6/::/") && addresses.length > 0) refusal.message += BOTH_FAMILIES;
    throw refusal;
  }

  peers(): ReadonlyMap<NodeId, Hello> {
    return this.#links.hellos;
  }

  send(to: NodeId, parts: readonly Uint8Array[]): void {
    let bytes = 0;
    for (const part of parts) bytes += part.byteLength;
    if (bytes > this.#frameBytesMax) {
      throw new RangeError(`Cannot send a frame: it may have ${this.#frameBytesMax} bytes, got ${bytes}`);
    }
    this.#links.send(to, parts);
  }

  setCluster(cluster: string): void {
    if (cluster === this.#cluster) return;
    this.#cluster = cluster;
    const body = new TextEncoder().encode(cluster);
    for (const [id, hello] of [...this.#links.hellos]) {
      this.#links.sendControl(id, KIND.cluster, body);
      this.#checkCluster(id, hello);
    }
  }

  subscribe(topic: string): void {
    if (this.#isLive()) this.#gossip.subscribe(topic);
  }

  publish(topic: string, data: Uint8Array): void {
    if (this.#isLive()) this.#gossip.publish(topic, data);
  }

  /** Somebody answered on the local network, as a member or for one. */
  found(id: NodeId, addresses: readonly string[], isNear: boolean): void {
    const dialable = this.#dialable(addresses, isNear);
    this.#dialer.heard(id);
    this.#dialer.found(id, dialable);
    if (dialable.length > 0 || !addresses.every(isLoopback)) return;
    this.#joins.failed(
      `${addresses[0]}/p2p/${id}`,
      "it was found, but listens on loopback of its host alone",
    );
  }

  /** Somebody was cut off before it got a byte of a protocol. */
  denied(id: NodeId | "", reason: string): void {
    if (id !== "") this.#dialer.refused(id);
    this.#report(id, reason);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    this.#listeners.stop();
    this.#joins.stop();
    this.#dialer.stop();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STOP_TIMEOUT_MS);
    const close = async (): Promise<void> => {
      await this.#links.stop(timeoutSignal(FLUSH_TIMEOUT_MS));
      await stopWhole(this.#host);
    };
    await Promise.race([close().catch(() => {}), late]);
    clearTimeout(timer);
  }

  #isLive(): boolean {
    return !this.#stopping.signal.aborted;
  }

  #hello(): Hello {
    return {
      ...this.#options.hello,
      cluster: this.#cluster,
      wire: this.#options.wire ?? WIRE_VERSION,
      namespace: this.#options.namespace,
      addresses: this.addresses,
    };
  }

  async #dial(addresses: readonly string[]): Promise<Reached> {
    const signal = AbortSignal.any([this.#stopping.signal, timeoutSignal(DIAL_TIMEOUT_MS)]);
    // Forced: libp2p would take a connection that is there already for a new one, though it may be dead.
    const { remotePeer, remoteAddr } = await dial(this.#host, addresses, signal, { isForced: true });
    return { id: remotePeer.toString(), address: remoteAddr.toString() };
  }

  #tick(): void {
    const open = this.#host.getConnections().filter(({ status }) => status === "open");
    this.#dialer.check(new Set(open.map(({ remotePeer }) => remotePeer.toString())));
    this.#gossip.renew(this.#links.connections);
  }

  #dialable(addresses: readonly string[], isNear: boolean): string[] {
    return leadingElsewhere(addresses, { isNear, own: this.#listeners.addresses });
  }

  #isConnected(id: NodeId): boolean {
    return this.#host.getConnections().some((connection) =>
      connection.status === "open" && connection.remotePeer.toString() === id
    );
  }

  #up(id: NodeId, hello: Hello): void {
    this.#dialer.up(id);
    this.#dialer.learn(id, hello.addresses);
    this.#introduce(id, hello);
    if (this.#isLive()) this.#events.peerUp(id, hello);
  }

  /** Sends the new member the addresses of all others, and all others its own: any two find each other. */
  #introduce(id: NodeId, hello: Hello): void {
    const others = [...this.#links.hellos].filter(([other]) => other !== id);
    if (others.length === 0) return;
    this.#links.sendControl(id, KIND.peers, encodePeers(others));
    const news = encodePeers([[id, hello]]);
    for (const [other] of others) this.#links.sendControl(other, KIND.peers, news);
  }

  #control(from: NodeId, kind: number, body: Uint8Array): void {
    if (kind === KIND.peers) {
      const isNear = this.#links.isNear(from);
      for (const [id, addresses] of decodePeers(body)) {
        this.#dialer.learn(id, this.#dialable(addresses, isNear));
      }
    } else if (kind === KIND.cluster) {
      const revised = this.#links.revise(from, { cluster: decodeCluster(body) });
      if (revised !== undefined) {
        checkHello({ namespace: revised.namespace, cluster: this.#cluster }, revised);
      }
    }
    // Other kinds are of a later minor version.
  }

  #checkCluster(id: NodeId, hello: Hello): void {
    try {
      checkHello({ namespace: hello.namespace, cluster: this.#cluster }, hello);
    } catch (error) {
      this.#links.refuse(id, (error as Error).message);
    }
  }

  #report(id: NodeId | "", reason: string): void {
    if (this.#isLive()) (id === "" ? this.#strangers : this.#rejections).report(id, reason);
  }
}

/** EINVAL is Deno's word for it. */
const LACKING_CODES: readonly string[] = ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"];

function isForLackOfIpv6({ address, error }: ListenFailure): boolean {
  return address.startsWith("/ip6/") && LACKING_CODES.includes((error as NodeJS.ErrnoException).code ?? "");
}

function checkAddresses(option: string, addresses: readonly string[]): void {
  for (const address of addresses) {
    try {
      multiaddr(address);
    } catch {
      throw new MeshError(
        "INVALID_INPUT",
        `Cannot create a mesh: ${option} must be multiaddrs like /ip4/127.0.0.1/tcp/7700, got ${address}`,
      );
    }
  }
}

const NOT_OWN = "this machine has no such address; 0.0.0.0 and :: stand for all that it has";
const UNUSABLE_BY_CODE: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there already (EADDRINUSE); port 0 stands for any that is free",
  EADDRNOTAVAIL: NOT_OWN,
  // what Deno says of it
  EINVAL: NOT_OWN,
  EACCES: "this user may not (EACCES); ports from 1024 on need no rights",
};
const BOTH_FAMILIES = "; on some runtimes /ip6/:: takes the port of IPv4 as well: " +
  "give each family a port of its own";

function listenError(
  listen: readonly string[],
  failures: readonly ListenFailure[],
  cause: unknown,
): MeshError {
  const reasons = failures.length > 0
    ? failures.map(({ address, error }) => `${address}: ${unusableReason(error)}`)
    : [`${listen.join(", ")}: ${listenReason(cause)}`];
  return new MeshError("LISTEN_FAILED", `Cannot listen on ${reasons.join("; ")}`, { cause });
}

const unusableReason = (error: NodeJS.ErrnoException): string =>
  UNUSABLE_BY_CODE[String(error.code)] ?? error.message;

function listenReason(cause: unknown): string {
  if (!(cause instanceof Error)) return "this host has no address of that kind";
  const isOtherKind = cause.name === "UnsupportedListenAddressesError";
  return isOtherKind ? "only TCP addresses can be listened on" : cause.message;
}

/** Opening a stream takes a moment. */
const RENEW_AFTER_CHECKS = 3;

function isGossiping({ streams }: Connection): boolean {
  return streams.some(({ direction, protocol }) =>
    direction === "outbound" && protocol.startsWith("/meshsub/")
  );
}

/**
 * Gossipsub for hints: topics of one namespace, signed. It loses messages under load and by design, so
 * nothing may depend on them.
 */
class Gossip {
  readonly #host: Host;
  readonly #prefix: string;
  /** Checks in a row that found no stream to a peer. */
  #missingById: ReadonlyMap<string, number> = new Map();

  constructor(
    host: Host,
    namespace: string,
    onMessage: (topic: string, from: NodeId, data: Uint8Array) => void,
  ) {
    this.#host = host;
    this.#prefix = `stolos/${namespace}/`;
    host.services.pubsub?.addEventListener("message", ({ detail }: CustomEvent<Message>) => {
      if (detail.type !== "signed" || !detail.topic.startsWith(this.#prefix)) return;
      onMessage(detail.topic.slice(this.#prefix.length), detail.from.toString(), detail.data);
    });
  }

  subscribe(topic: string): void {
    this.#host.services.pubsub?.subscribe(this.#prefix + topic);
  }

  publish(topic: string, data: Uint8Array): void {
    this.#host.services.pubsub?.publish(this.#prefix + topic, data).catch(() => {
      // Lost, as gossip may be.
    });
  }

  /**
   * Gossipsub sends to a peer on the first connection that it met, and to nobody once that is closed. Has it
   * meet these, when there has been no such stream for some calls.
   */
  renew(connections: readonly Connection[]): void {
    const missing = new Map<string, number>();
    for (const connection of connections) {
      const id = connection.remotePeer.toString();
      if (this.#host.getConnections(connection.remotePeer).some(isGossiping)) continue;
      const count = (this.#missingById.get(id) ?? 0) + 1;
      if (count % RENEW_AFTER_CHECKS !== 0) missing.set(id, count);
      else this.#host.services.identify.identify(connection).catch(() => {});
    }
    this.#missingById = missing;
  }
}

const REPEAT_AFTER_MS = 60_000;
const REMEMBERED_MAX = 200;

/** Reports why peers are refused, without repeating itself at every dial. */
export class Rejections {
  readonly #report: (id: string, reason: string) => void;
  readonly #reportedMsByKey = new Map<string, number>();

  constructor(report: (id: string, reason: string) => void) {
    this.#report = report;
  }

  report(id: string, reason: string): void {
    const key = `${id} ${reason}`;
    const nowMs = performance.now();
    const reportedMs = this.#reportedMsByKey.get(key);
    if (reportedMs !== undefined && nowMs - reportedMs < REPEAT_AFTER_MS) return;
    if (this.#reportedMsByKey.size >= REMEMBERED_MAX) this.#forget(nowMs);
    if (this.#reportedMsByKey.size >= REMEMBERED_MAX) return;
    this.#reportedMsByKey.set(key, nowMs);
    this.#report(id, reason);
  }

  #forget(nowMs: number): void {
    for (const [key, reportedMs] of this.#reportedMsByKey) {
      if (nowMs - reportedMs >= REPEAT_AFTER_MS) this.#reportedMsByKey.delete(key);
    }
  }
}
