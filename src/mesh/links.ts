/**
 * The links of a member: one stream per pair, opened by the end with the smaller id as soon as a connection
 * exists, whoever dialled. Accepts or refuses a peer by its hello. Dialling is left to dialer.ts.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { originOf } from "../protocol/model/cluster-name.ts";
import type { NodeId } from "../protocol/model/types.ts";
import { decodeHello, encodeHello } from "./hello.ts";
import type { Host } from "./host.ts";
import { Link, type LinkEnd, type LinkLimits, TICK_MS } from "./link.ts";
import type { Hello } from "./mesh-types.ts";

const OPEN_TIMEOUT_MS = 5000;
const REOPEN_DELAY_MS = 200;
const CLOSE_TIMEOUT_MS = 500;

export interface LinksPort {
  /** What this node says of itself at the moment. */
  hello(): Hello;
  up(id: NodeId, hello: Hello): void;
  down(id: NodeId): void;
  frame(from: NodeId, frame: Uint8Array): void;
  /** Throws to refuse the message and cut the peer. */
  control(from: NodeId, kind: number, body: Uint8Array): void;
  congested(id: NodeId, on: boolean): void;
  /** The peer does not keep up; it may come back at once. */
  cutOff(id: NodeId, reason: string): void;
  /** The peer must not be talked to. */
  refused(id: NodeId, reason: string): void;
}

interface Pair {
  readonly link: Link;
  readonly connection: Connection;
  hello: Hello | undefined;
}

export class Links {
  readonly #host: Host;
  readonly #self: NodeId;
  readonly #protocol: string;
  readonly #limits: LinkLimits;
  readonly #port: LinksPort;
  readonly #pairById = new Map<NodeId, Pair>();
  readonly #helloById = new Map<NodeId, Hello>();
  readonly #opening = new Set<NodeId>();
  readonly #ticker: ReturnType<typeof setInterval>;
  #isStopped = false;

  constructor(host: Host, namespace: string, limits: LinkLimits, port: LinksPort) {
    this.#host = host;
    this.#self = host.peerId.toString();
    this.#protocol = `/stolos/mesh/${namespace}`;
    this.#limits = limits;
    this.#port = port;
    this.#ticker = setInterval(() => {
      for (const { link } of [...this.#pairById.values()]) link.tick();
    }, TICK_MS);
  }

  /** Hellos of all members whose link is open. */
  get hellos(): ReadonlyMap<NodeId, Hello> {
    return this.#helloById;
  }

  /** Call before the host starts. */
  async listen(): Promise<void> {
    await this.#host.handle(this.#protocol, (stream, connection) => this.#accept(stream, connection), {
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
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

  #identified(connection: Connection, protocols: readonly string[]): void {
    if (this.#isStopped) return;
    if (protocols.includes(this.#protocol)) {
      if (this.#self < connection.remotePeer.toString()) void this.#open(connection);
    } else if (connection.direction === "outbound") {
      // Inbound it is a client.
      this.#refuseConnection(
        connection,
        `is not a member of this namespace: it does not speak ${this.#protocol}`,
      );
    }
  }

  async #open(connection: Connection): Promise<void> {
    const id = connection.remotePeer.toString();
    if (this.#isStopped || this.#pairById.has(id) || this.#opening.has(id)) return;
    this.#opening.add(id);
    try {
      const signal = AbortSignal.timeout(OPEN_TIMEOUT_MS);
      this.#create(await connection.newStream(this.#protocol, { signal }), connection);
    } catch {
      this.#reopen(id);
    } finally {
      this.#opening.delete(id);
    }
  }

  /** Tries again if any connection to the peer is left. */
  #reopen(id: NodeId): void {
    if (this.#self >= id) return;
    setTimeout(() => {
      const connection = this.#host.getConnections().find((open) =>
        open.status === "open" && open.remotePeer.toString() === id
      );
      if (connection !== undefined) void this.#open(connection);
    }, REOPEN_DELAY_MS);
  }

  #accept(stream: Stream, connection: Connection): void {
    const id = connection.remotePeer.toString();
    if (this.#isStopped || this.#self < id) {
      stream.abort(new Error("not the end that opens the stream"));
      return;
    }
    // The other end knows better than we do that the old stream is dead.
    this.#pairById.get(id)?.link.cut({ type: "closed" });
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
    const pair: Pair = { link, connection, hello: undefined };
    this.#pairById.set(id, pair);
  }

  #greeted(id: NodeId, pair: Pair, bytes: Uint8Array): void {
    const own = this.#port.hello();
    const hello = decodeHello(bytes, own.wire);
    checkHello(own, hello);
    pair.hello = hello;
    this.#helloById.set(id, hello);
    this.#port.up(id, hello);
  }

  #ended(id: NodeId, pair: Pair, end: LinkEnd): void {
    if (this.#pairById.get(id) === pair) this.#pairById.delete(id);
    if (pair.hello !== undefined) {
      this.#helloById.delete(id);
      this.#port.down(id);
    }
    if (end.type === "refused") this.#refuseConnection(pair.connection, end.reason);
    else if (end.type === "closed") this.#reopen(id);
    else {
      if (end.reason !== undefined) this.#port.cutOff(id, end.reason);
      pair.connection.abort(new Error("the peer does not answer"));
    }
  }

  #refuseConnection(connection: Connection, reason: string): void {
    this.#port.refused(connection.remotePeer.toString(), reason);
    // Not abort(): the peer must still read our hello to learn what is wrong.
    connection.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }).catch((error) =>
      connection.abort(error)
    );
  }
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
