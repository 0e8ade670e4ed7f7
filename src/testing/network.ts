/**
 * The network between simulated nodes: what is sent arrives in order after a seeded delay, unless the link is
 * cut or the connection is gone. A node that dies is noticed at once, as its system closes its connections; a
 * cut is silent, and noticed after a while.
 */
import type { CandidateInfo, Input } from "../protocol/model/contract.ts";
import type { Message } from "../protocol/model/messages.ts";
import type { NodeId } from "../protocol/model/types.ts";
import type { GossipTopic, PeerHello, Transport } from "../coordinator/transport.ts";
import type { Rng } from "./rng.ts";
import type { Life } from "./life.ts";
import type { VirtualTime } from "./virtual-time.ts";

const CONNECT_MS = { min: 5, max: 50 };
const RESET_MS = { min: 1, max: 10 };
const CUT_NOTICED_MS = { min: 1000, max: 3000 };
const IN_ORDER_MS = 0.001;

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Where what arrives at a node goes. */
export interface Port {
  readonly id: NodeId;
  readonly no: number;
  readonly life: Life;
  readonly candidate: CandidateInfo;
  input(input: Input): void;
  gossip(topic: GossipTopic, from: NodeId, data: Uint8Array): void;
}

interface NetworkOptions {
  readonly time: VirtualTime;
  readonly rng: Rng;
  readonly latencyMs: Range;
  readonly size: number;
}

export class Network {
  readonly #options: NetworkOptions;
  readonly #ports: (Port | undefined)[];
  readonly #cuts: Set<string> = new Set();
  /** `[a][b]`: the life of b that a believes to be connected to. */
  readonly #connected: (Port | undefined)[][];
  readonly #lastMs: Map<string, number> = new Map();

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#ports = new Array(options.size).fill(undefined);
    this.#connected = this.#ports.map(() => new Array(options.size).fill(undefined));
  }

  // ---- nodes ----------------------------------------------------------------------------------------------

  start(port: Port): Transport {
    this.#ports[port.no] = port;
    this.#connected[port.no]!.fill(undefined);
    for (const other of this.#others(port.no)) this.#connectLater(port.no, other.no);
    return new VirtualTransport(this, port);
  }

  /** The node is gone; its system notifies every peer that it reaches. */
  stop(port: Port): void {
    if (this.#ports[port.no] !== port) return;
    this.#ports[port.no] = undefined;
    for (const other of this.#others(port.no)) {
      const isCut = this.isCut(other.no, port.no);
      this.#after(isCut ? CUT_NOTICED_MS : RESET_MS, () => this.#lose(other, port, !isCut));
    }
  }

  connectedTo(port: Port): readonly Port[] {
    return this.#connected[port.no]!.filter((peer) => peer !== undefined);
  }

  // ---- cuts -----------------------------------------------------------------------------------------------

  isCut(a: number, b: number): boolean {
    return this.#cuts.has(linkOf(a, b));
  }

  cut(a: number, b: number): void {
    if (this.isCut(a, b)) return;
    this.#cuts.add(linkOf(a, b));
    for (const [x, y] of [[a, b], [b, a]] as const) {
      const [port, peer] = [this.#ports[x], this.#ports[y]];
      if (!port || !peer) continue;
      this.#after(CUT_NOTICED_MS, () => {
        if (this.isCut(a, b)) this.#lose(port, peer, false);
      });
    }
  }

  /** Cuts exactly what lies between groups; nodes that no group names are one more. */
  partition(groups: readonly (readonly number[])[]): void {
    const groupOf = (no: number): number => groups.findIndex((group) => group.includes(no));
    this.heal();
    for (let a = 0; a < this.#options.size; a++) {
      for (let b = 0; b < a; b++) if (groupOf(a) !== groupOf(b)) this.cut(a, b);
    }
  }

  /** No cut any more. */
  heal(): void {
    const cuts = [...this.#cuts];
    this.#cuts.clear();
    for (const link of cuts) {
      const [a = 0, b = 0] = link.split("-").map(Number);
      this.#connectLater(a, b);
    }
  }

  // ---- what travels ---------------------------------------------------------------------------------------

  send(from: Port, to: NodeId, messages: readonly Message[]): void {
    const peer = this.#connected[from.no]!.find((each) => each?.id === to);
    if (!peer) return;
    this.#carry(from, peer, 1, () => {
      for (const message of messages) peer.input({ type: "message", from: from.id, message });
    });
  }

  /** Goes from node to node like gossip: around a cut, if there is a way. */
  publish(from: Port, topic: GossipTopic, data: Uint8Array): void {
    for (const [to, hops] of this.#reachable(from)) {
      this.#carry(from, to, hops, () => to.gossip(topic, from.id, data));
    }
  }

  #carry(from: Port, to: Port, hops: number, arrive: () => void): void {
    const { time } = this.#options;
    if (hops === 1 && this.isCut(from.no, to.no)) return;
    const link = `${from.no}>${to.no}`;
    let atMs = time.nowMs;
    for (let hop = 0; hop < hops; hop++) atMs += this.#range(this.#options.latencyMs);
    atMs = Math.max(atMs, (this.#lastMs.get(link) ?? 0) + IN_ORDER_MS);
    this.#lastMs.set(link, atMs);
    time.after(atMs - time.nowMs, () => {
      if (this.#ports[to.no] === to && !(hops === 1 && this.isCut(from.no, to.no))) to.life.enter(arrive);
    });
  }

  #reachable(from: Port): ReadonlyMap<Port, number> {
    const hopsByPort: Map<Port, number> = new Map([[from, 0]]);
    for (const [port, hops] of hopsByPort) {
      for (const peer of this.connectedTo(port)) {
        if (!hopsByPort.has(peer) && !this.isCut(port.no, peer.no)) hopsByPort.set(peer, hops + 1);
      }
    }
    hopsByPort.delete(from);
    return hopsByPort;
  }

  // ---- connections ----------------------------------------------------------------------------------------

  #connectLater(a: number, b: number): void {
    const [portA, portB] = [this.#ports[a], this.#ports[b]];
    if (!portA || !portB) return;
    this.#after(CONNECT_MS, () => {
      if (this.isCut(a, b) || this.#ports[a] !== portA || this.#ports[b] !== portB) return;
      this.#connect(portA, portB);
      this.#connect(portB, portA);
    });
  }

  #connect(port: Port, peer: Port): void {
    const before = this.#connected[port.no]![peer.no];
    if (before === peer) return;
    if (before) this.#lose(port, before, true);
    this.#connected[port.no]![peer.no] = peer;
    const { id, candidate } = peer;
    port.life.enter(() => port.input({ type: "peer", node: id, up: true, candidate }));
  }

  /** `isClosed`: by the peer's system. */
  #lose(port: Port, peer: Port, isClosed: boolean): void {
    if (this.#ports[port.no] !== port || this.#connected[port.no]![peer.no] !== peer) return;
    this.#connected[port.no]![peer.no] = undefined;
    port.life.enter(() => port.input({ type: "peer", node: peer.id, up: false, isClosed }));
  }

  #others(no: number): readonly Port[] {
    return this.#ports.filter((port) => port !== undefined && port.no !== no) as readonly Port[];
  }

  #after(range: Range, run: () => void): void {
    this.#options.time.after(this.#range(range), run);
  }

  #range({ min, max }: Range): number {
    return this.#options.rng.range(min, max);
  }
}

function linkOf(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

class VirtualTransport implements Transport {
  readonly addresses: readonly string[] = [];
  readonly #network: Network;
  readonly #port: Port;

  constructor(network: Network, port: Port) {
    this.#network = network;
    this.#port = port;
  }

  get upCount(): number {
    return this.#network.connectedTo(this.#port).length;
  }

  isUp(peer: NodeId): boolean {
    return this.#peer(peer) !== undefined;
  }

  helloOf(peer: NodeId): PeerHello | undefined {
    const found = this.#peer(peer);
    return found && { name: found.candidate.name, labels: found.candidate.labels, addresses: [] };
  }

  send(to: NodeId, messages: readonly Message[]): void {
    this.#network.send(this.#port, to, messages);
  }

  setCluster(): void {
    // there is no other
  }

  publish(topic: GossipTopic, data: Uint8Array): void {
    this.#network.publish(this.#port, topic, data);
  }

  stop(): Promise<void> {
    this.#network.stop(this.#port);
    return Promise.resolve();
  }

  #peer(id: NodeId): Port | undefined {
    return this.#network.connectedTo(this.#port).find((peer) => peer.id === id);
  }
}
