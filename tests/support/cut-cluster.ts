/**
 * `stolos peer` processes that join each other, all through a network that loses what it is told to lose: on
 * hosts of their own around a router (Linux, root), where TCP does as it does when a network is cut; or on
 * loopback through a relay, which needs nothing but holds connections that a network would not make.
 */
import { join } from "node:path";
import { PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";
import { freePort } from "./free-port.ts";
import { type NetHost, RoutedNetwork } from "./netns.ts";
import { Relay } from "./relay.ts";

export interface CutClusterOptions {
  readonly namespace: string;
  /** One peer each. */
  readonly runtimes: readonly Runtime[];
  readonly args?: readonly string[];
  /** Handlers write there what runs. */
  readonly directory: string;
}

/** Peers by their index: what the first sends to the second. */
export type Cut = readonly [from: number, to: number];

/** Where one peer is. */
interface Place {
  readonly prefix: readonly string[];
  readonly listen: string;
  readonly announce: readonly string[];
  readonly joins: readonly string[];
  readonly http: string;
}

interface Site extends AsyncDisposable {
  readonly places: readonly Place[];
  cut(cuts: readonly Cut[], isCut: boolean): void;
  lostCount(): number;
}

export class CutCluster implements AsyncDisposable {
  readonly namespace: string;
  readonly peers: readonly PeerProcess[];
  readonly #site: Site;

  constructor(namespace: string, site: Site, peers: readonly PeerProcess[]) {
    this.namespace = namespace;
    this.#site = site;
    this.peers = peers;
  }

  static async start(isRouted: boolean, options: CutClusterOptions): Promise<CutCluster> {
    const { namespace, runtimes, args = [], directory } = options;
    const site = isRouted ? routed(runtimes.length) : await relayed(runtimes.length);
    const handlers = join(import.meta.dirname, "beat-handlers.ts");
    const common = ["--namespace", namespace, "--no-mdns", "--expect", String(runtimes.length)];
    const peers = site.places.map(({ prefix, listen, announce, joins, http }, at) =>
      new PeerProcess({
        runtime: runtimes[at]!,
        prefix,
        env: { STOLOS_BEATS: directory },
        args: [
          ...[...common, "--name", `peer-${at}`, "--handlers", handlers, "--listen", listen, "--http", http],
          ...announce.flatMap((address) => ["--announce", address]),
          ...joins.flatMap((address) => ["--join", address]),
          ...args,
        ],
      })
    );
    const cluster = new CutCluster(namespace, site, peers);
    try {
      await Promise.all(peers.map((peer) => peer.ready()));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Loses, or no longer loses, what goes these ways. */
  cut(cuts: readonly Cut[], isCut: boolean): void {
    this.#site.cut(cuts, isCut);
  }

  /** Packets that were lost, or bytes that were held back: more than before, or there was no cut. */
  get lostCount(): number {
    return this.#site.lostCount();
  }

  /** To how many others each peer has a connection. */
  async connectedCounts(): Promise<number[]> {
    return await Promise.all(this.#site.places.map(async ({ http }) => {
      try {
        const text = await (await fetch(`http://${http}/metrics`)).text();
        return Number(/^stolos_connected_members (\d+)/m.exec(text)?.[1] ?? -1);
      } catch {
        return -1;
      }
    }));
  }

  /** What connectClient is to be given; clients are not cut off. */
  get reach(): { namespace: string; join: string[]; mdns: boolean } {
    const join = this.#site.places.map(({ listen }) => listen);
    return { namespace: this.namespace, join, mdns: false };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer[Symbol.asyncDispose]()));
    await this.#site[Symbol.asyncDispose]();
  }
}

function routed(count: number): Site {
  const network = new RoutedNetwork(count);
  const listenOf = (host: NetHost): string => `/ip4/${host.address}/tcp/4001`;
  const places = network.hosts.map((host): Place => ({
    prefix: host.prefix,
    listen: listenOf(host),
    announce: [],
    joins: network.hosts.filter((other) => other !== host).map(listenOf),
    http: `${host.address}:9464`,
  }));
  return {
    places,
    cut: (cuts, isCut) =>
      network.cut(cuts.map(([from, to]) => [network.hosts[from]!, network.hosts[to]!] as const), isCut),
    lostCount: () => network.lostCount,
    [Symbol.asyncDispose]: () => Promise.resolve(network[Symbol.dispose]()),
  };
}

/** Nobody can dial it: each peer is reached where others join it, which is at the relay. */
const NOWHERE = "/ip4/127.0.0.1/udp/9/quic-v1";

async function relayed(count: number): Promise<Site> {
  const relay = new Relay();
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const places = await Promise.all(ports.map(async (port, at): Promise<Place> => {
    const others = ports.map((to, index) => [to, index] as const).filter(([, index]) => index !== at);
    return {
      prefix: [],
      listen: `/ip4/127.0.0.1/tcp/${port}`,
      announce: [NOWHERE],
      joins: await Promise.all(others.map(([to, index]) => relay.path(String(at), String(index), to))),
      http: `127.0.0.1:${await freePort()}`,
    };
  }));
  return {
    places,
    cut: (cuts, isCut) => relay.cut(cuts.map(([from, to]) => [String(from), String(to)] as const), isCut),
    lostCount: () => relay.heldBytes,
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}
