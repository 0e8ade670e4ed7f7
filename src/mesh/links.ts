/**
 * The links of a member: one stream per pair, opened by the end with the smaller id as soon as a connection
 * exists, whoever dialled. Accepts or refuses a peer by its hello. A connection either has the link of its
 * pair, or is about to get it, or is closed: so no connection that is dead keeps others from being made, and
 * both ends keep the same one of several. Dialling is left to dialer.ts.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { originOf } from "../protocol/model/cluster-name.ts";
import type { NodeId } from "../protocol/model/types.ts";
import { isOfThisHost } from "./addresses.ts";
import { decodeHello, encodeHello } from "./hello.ts";
import type { Host } from "./host.ts";
import { Link, type LinkEnd, type LinkLimits, TICK_MS } from "./link.ts";
import type { Hello } from "./mesh-types.ts";
import { timeoutSignal } from "./timeout-signal.ts";

const OPEN_TIMEOUT_MS = 5000;
const REOPEN_DELAY_MS = 200;
const CLOSE_TIMEOUT_MS = 500;
/** Beside a link that works others are closed after so many ticks. Both ends may have dialled at once. */
const SPARE_TICKS_MAX = 3;
/** A connection on which no link has come up after so many ticks is given up. */
const LINKLESS_TICKS_MAX = 5;
/** Nodes that keep nothing have another id after each start. */
const FORMER_MAX = 2000;

export interface LinksPort {
  /** What this node says of itself at the moment. */
  hello(): Hello;
  up(id: NodeId, hello: Hello): void;
  /** `isClosed`: the peer's end closed it. */
  down(id: NodeId, isClosed: boolean): void;
  frame(from: NodeId, frame: Uint8Array): void;
  /** Throws to refuse the message and cut the peer. */
  control(from: NodeId, kind: number, body: Uint8Array): void;
  congested(id: NodeId, on: boolean): void;
  /** The peer does not keep up; it may come back at once. */
  cutOff(id: NodeId, reason: string): void;
  /** The peer must not be talked to. */
  refused(id: NodeId, reason: string): void;
  /** Those of a peer's addresses that others can dial. */
  dialable(addresses: readonly string[], isNear: boolean): readonly string[];
  /** Every TICK_MS, when the links have been looked after. */
  ticked(): void;
}

interface Pair {
  readonly link: Link;
  readonly connection: Connection;
  /** The peer is on this host. */
  readonly isNear: boolean;
  hello: Hello | undefined;
}

/** What is known of a connection. */
interface Seen {
  /** Who speaks on it, once it has said so. */
  role: "unknown" | "member" | "client";
  /** For so long it has had no link. */
  linklessTicks: number;
}

export class Links {
  readonly #host: Host;
  readonly #self: NodeId;
  readonly #protocol: string;
  readonly #limits: LinkLimits;
  readonly #port: LinksPort;
  readonly #pairById = new Map<NodeId, Pair>();
  readonly #helloById = new Map<NodeId, Hello>();
  readonly #seenByConnection = new WeakMap<Connection, Seen>();
  readonly #opening = new Set<NodeId>();
  /** Those that had a link: they need not be asked first what they speak. */
  readonly #formerIds = new Set<NodeId>();
  readonly #ticker: ReturnType<typeof setInterval>;
  #isStopped = false;

  constructor(host: Host, namespace: string, limits: LinkLimits, port: LinksPort) {
    this.#host = host;
    this.#self = host.peerId.toString();
    this.#protocol = `/stolos/mesh/${namespace}`;
    this.#limits = limits;
    this.#port = port;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Hellos of all members whose link is open. */
  get hellos(): ReadonlyMap<NodeId, Hello> {
    return this.#helloById;
  }

  /** The connections that the links are on. */
  get connections(): Connection[] {
    return [...this.#pairById.values()].map(({ connection }) => connection);
  }

  /** Whether a peer with a link is on this host. */
  isNear(id: NodeId): boolean {
    return this.#pairById.get(id)?.isNear ?? false;
  }

  /** Call before the host starts. */
  async listen(): Promise<void> {
    await this.#host.handle(this.#protocol, (stream, connection) => this.#accept(stream, connection), {
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
    });
    this.#host.addEventListener("connection:open", ({ detail }) => {
      if (this.#formerIds.has(detail.remotePeer.toString())) this.#met(detail);
    });
    this.#host.addEventListener("peer:identify", ({ detail }) => {
      this.#identified(detail.connection, detail.protocols);
    });
  }

  send(to: NodeId, parts: readonly Uint8Array[]): void {
    this.#pairById.get(to)?.link.send(parts);
  }

  sendControl(to: NodeId, kind: number, body: Uint8Array): void {
    this.#pairById.get(to)?.link.sendControl(kind, body);
  }

  /** Replaces what a peer said in its hello. */
  revise(id: NodeId, change: Partial<Hello>): Hello | undefined {
    const hello = this.#helloById.get(id);
    if (hello === undefined) return undefined;
    const revised = { ...hello, ...change };
    this.#helloById.set(id, revised);
    return revised;
  }

  /** Cuts the peer off: link and connection. */
  refuse(id: NodeId, reason: string): void {
    this.#pairById.get(id)?.link.cut({ type: "refused", reason });
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#ticker);
    await Promise.all([...this.#pairById.values()].map(({ link }) => link.close(signal)));
  }

  #tick(): void {
    for (const { link } of [...this.#pairById.values()]) link.tick();
    for (const connection of this.#host.getConnections()) {
      if (connection.status === "open") this.#lookAfter(connection);
    }
    this.#port.ticked();
  }

  #lookAfter(connection: Connection): void {
    const seen = this.#seenOf(connection);
    const pair = this.#pairById.get(connection.remotePeer.toString());
    if (pair?.connection === connection) {
      seen.linklessTicks = 0;
      return;
    }
    if (seen.role === "client" || hasClient(connection)) return;
    seen.linklessTicks++;
    if (pair?.link.isAlive) {
      if (seen.linklessTicks > SPARE_TICKS_MAX) this.#close(connection);
    } else if (pair !== undefined && seen.role === "member") {
      if (pair.link.isSuspect) void this.#open(connection);
    } else if (seen.linklessTicks > LINKLESS_TICKS_MAX) {
      connection.abort(new Error("no link came up on the connection"));
    }
  }

  #seenOf(connection: Connection): Seen {
    let seen = this.#seenByConnection.get(connection);
    if (seen === undefined) {
      seen = { role: "unknown", linklessTicks: 0 };
      this.#seenByConnection.set(connection, seen);
    }
    return seen;
  }

  #connectionsTo(id: NodeId): Connection[] {
    return this.#host.getConnections().filter((connection) =>
      connection.status === "open" && connection.remotePeer.toString() === id
    );
  }

  #identified(connection: Connection, protocols: readonly string[]): void {
    if (this.#isStopped) return;
    if (protocols.includes(this.#protocol)) {
      this.#met(connection);
      return;
    }
    this.#seenOf(connection).role = "client";
    if (connection.direction === "outbound") {
      const reason = `is not a member of this namespace: it does not speak ${this.#protocol}`;
      this.#refusePeer(connection.remotePeer.toString(), reason);
    }
  }

  /** A connection to a member. */
  #met(connection: Connection): void {
    this.#seenOf(connection).role = "member";
    const pair = this.#pairById.get(connection.remotePeer.toString());
    if (pair === undefined || pair.link.isSuspect) void this.#open(connection);
  }

  async #open(connection: Connection): Promise<void> {
    const id = connection.remotePeer.toString();
    if (this.#isStopped || this.#self >= id || this.#opening.has(id)) return;
    this.#opening.add(id);
    try {
      const signal = timeoutSignal(OPEN_TIMEOUT_MS);
      const stream = await connection.newStream(this.#protocol, { signal });
      if (this.#isStopped) stream.abort(new Error("the node stops"));
      else this.#replace(stream, connection);
    } catch {
      connection.abort(new Error("no stream opens on the connection"));
      this.#reopen(id);
    } finally {
      this.#opening.delete(id);
    }
  }

  /** Tries again, if a connection to the peer is left, on the latest. */
  #reopen(id: NodeId): void {
    if (this.#self >= id) return;
    setTimeout(() => {
      if (this.#pairById.has(id)) return;
      const members = this.#connectionsTo(id).filter((each) => this.#seenOf(each).role === "member");
      const [latest] = members.sort((a, b) => this.#seenOf(a).linklessTicks - this.#seenOf(b).linklessTicks);
      if (latest !== undefined) void this.#open(latest);
    }, REOPEN_DELAY_MS);
  }

  #accept(stream: Stream, connection: Connection): void {
    if (this.#isStopped || this.#self < connection.remotePeer.toString()) {
      stream.abort(new Error("not the end that opens the stream"));
      return;
    }
    this.#seenOf(connection).role = "member";
    this.#replace(stream, connection);
  }

  /** The end that opens the stream knows best that the old one is dead. */
  #replace(stream: Stream, connection: Connection): void {
    this.#pairById.get(connection.remotePeer.toString())?.link.cut({ type: "closed" });
    this.#create(stream, connection);
  }

  #create(stream: Stream, connection: Connection): void {
    const id = flat(connection.remotePeer.toString());
    const link = new Link(stream, encodeHello(this.#port.hello()), this.#limits, {
      hello: (bytes) => this.#greeted(id, pair, bytes),
      frame: (frame) => this.#port.frame(id, frame),
      control: (kind, body) => this.#port.control(id, kind, body),
      congested: (on) => this.#port.congested(id, on),
      ended: (end) => this.#ended(id, pair, end),
    });
    const isNear = isOfThisHost(connection.remoteAddr.toString());
    const pair: Pair = { link, connection, isNear, hello: undefined };
    this.#pairById.set(id, pair);
  }

  #greeted(id: NodeId, pair: Pair, bytes: Uint8Array): void {
    const own = this.#port.hello();
    const said = decodeHello(bytes, own.wire);
    checkHello(own, said);
    const hello = { ...said, addresses: this.#port.dialable(said.addresses, pair.isNear) };
    pair.hello = hello;
    this.#helloById.set(id, hello);
    if (this.#formerIds.size >= FORMER_MAX) this.#formerIds.clear();
    this.#formerIds.add(id);
    this.#port.up(id, hello);
  }

  #ended(id: NodeId, pair: Pair, end: LinkEnd): void {
    if (this.#pairById.get(id) === pair) this.#pairById.delete(id);
    if (pair.hello !== undefined) {
      this.#helloById.delete(id);
      this.#port.down(id, end.type === "closed");
    }
    if (end.type === "refused") this.#refusePeer(id, end.reason);
    else if (end.type === "closed") this.#reopen(id);
    else {
      if (end.reason !== undefined) this.#port.cutOff(id, end.reason);
      this.#giveUp(id, pair);
    }
  }

  /** Nor do the other connections work: but for those that were made while the link was silent. */
  #giveUp(id: NodeId, { link, connection }: Pair): void {
    for (const each of new Set([connection, ...this.#connectionsTo(id)])) {
      if (each !== connection && this.#seenOf(each).linklessTicks < link.silentTicks) continue;
      each.abort(new Error("the peer does not answer"));
    }
    this.#reopen(id);
  }

  #refusePeer(id: NodeId, reason: string): void {
    this.#port.refused(id, reason);
    // Not abort(): the peer must still read our hello to learn what is wrong.
    for (const connection of this.#connectionsTo(id)) this.#close(connection);
  }

  #close(connection: Connection): void {
    connection.close({ signal: timeoutSignal(CLOSE_TIMEOUT_MS) }).catch((error) => connection.abort(error));
  }
}

/** It may be too busy to say who it is. */
function hasClient(connection: Connection): boolean {
  return connection.streams.some(({ protocol }) => protocol.startsWith("/stolos/client/"));
}

/** The same text in one piece: libp2p's is a slice of another, which V8 compares more slowly. */
function flat(id: NodeId): NodeId {
  return new TextDecoder().decode(new TextEncoder().encode(id));
}

/** Throws when two nodes must not talk. */
export function checkHello(own: Pick<Hello, "namespace" | "cluster">, peer: Hello): void {
  if (own.namespace !== peer.namespace) {
    throw new Error(`is of namespace ${peer.namespace}, this node of ${own.namespace}`);
  }
  if (own.cluster !== "" && peer.cluster !== "" && own.cluster !== peer.cluster) {
    const both = `is a member of cluster ${peer.cluster}, this node of cluster ${own.cluster}`;
    throw new Error(both + kinship(own.cluster, peer.cluster));
  }
}

/** What `stolos recover` has to do with it, and what to do. */
function kinship(own: string, theirs: string): string {
  const origin = originOf(own);
  if (originOf(theirs) !== origin) return "";
  const remedy = "start it on an empty directory";
  if (own === origin) return `, which was recovered without this node, so it must not come back: ${remedy}`;
  if (theirs === origin) {
    return `, which was recovered without that node, so it must not come back: ${remedy}`;
  }
  const never = `: both were recovered from ${origin}, by two runs, and never merge`;
  return `${never}. Go on with one, and start the nodes of the other on empty directories`;
}
