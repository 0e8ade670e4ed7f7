/**
 * The libp2p host of a member or client: TCP, noise, yamux, identify, and for members gossipsub. What not
 * every host has is loaded by those that have it. All settings of libp2p live here. What is said on the
 * streams is left to links.ts and client.ts.
 */
import { createHash, hkdfSync } from "node:crypto";
import type { GossipSub, GossipSubComponents } from "@chainsafe/libp2p-gossipsub";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { generateKeyPair, privateKeyFromProtobuf } from "@libp2p/crypto/keys";
import { type Identify, identify } from "@libp2p/identify";
import type { ConnectionGater, Libp2p, Metrics, PeerDiscovery, PeerId, PrivateKey } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { createLibp2p, type Libp2pOptions } from "libp2p";
import { isOfThisHost } from "./addresses.ts";
import { Guard, guarded, SETUP_MAX, SETUP_TIMEOUT_MS, WAITING_MAX } from "./guard.ts";
import { careful, sparing, thrifty, unrefPeerStore } from "./libp2p-care.ts";
import type { Listeners } from "./listeners.ts";
import { MeshError, type MetricsFactory } from "./mesh-types.ts";
import { noiseCrypto } from "./noise-crypto.ts";
import { KEY_BYTES } from "./xsalsa20.ts";

/**
 * Both ends must agree on it: part of wire version 1. Frames of megabytes flow without waiting for the
 * window.
 */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const MDNS_INTERVAL_MS = 5000;
const CONNECTIONS_MAX = 2000;
/** For TCP alone: a packet that was lost is sent again after a second. */
const CONNECT_TIMEOUT_MS = 2000;
/** With the handshake. */
const ADDRESS_TIMEOUT_MS = 5000;
/** Clients may be silent for hours: the kernel asks whether one is still there. Not on Deno. */
const KEEP_ALIVE_AFTER_MS = 30_000;
const GOSSIP_BYTES_MAX = 1024 * 1024;
/** The longest interval that libp2p accepts for its peer scores, which are switched off. */
const NEVER_MS = 2 ** 31 - 1;

/** `timeout` reaches net.connect(), though the transport's types do not say so. */
const dialOptions: { readonly noDelay: boolean; readonly timeout: number } = {
  noDelay: true,
  timeout: CONNECT_TIMEOUT_MS,
};

export interface HostOptions {
  readonly namespace: string;
  readonly listen: readonly string[];
  readonly announce?: readonly string[];
  readonly privateKey?: Uint8Array;
  /** Called for every answer to a query on the local network; absent = no mDNS. */
  readonly found?: OnFound;
  /** Those of this host are added. */
  readonly listeners?: Listeners;
  /** Clients look for members but are not to be found. */
  readonly isClient: boolean;
  readonly metrics?: MetricsFactory;
  readonly security?: HostSecurity;
}

export interface HostSecurity {
  /** Shared by all nodes and clients; null = whoever can connect may talk. */
  readonly secret: string | null;
  /** Peer ids; null = whoever knows the secret. */
  readonly allow: readonly string[] | null;
  /** Somebody was cut off before it got a byte of a protocol; "" when it never proved who it is. */
  readonly denied?: (id: string, reason: string) => void;
}

/** `isNear`: it is on this host. */
export type OnFound = (id: string, addresses: readonly string[], isNear: boolean) => void;

export type Host = Libp2p<{ identify: Identify; pubsub?: GossipSub }>;

/** Makes a host that is not started yet: handlers come first. */
export async function createHost(options: HostOptions): Promise<Host> {
  checkNamespace(options.namespace);
  const { secret = null, allow = null, denied = () => {} } = options.security ?? {};
  const guard = new Guard({
    key: secret === null ? null : networkKeyOf(secret),
    refused: (host, reason) => denied("", `a connection from ${host} ${reason}`),
  });
  const init: Libp2pOptions = {
    start: false,
    privateKey: await keyOf(options.privateKey),
    nodeInfo: { name: "stolos", version: "1", userAgent: "stolos" },
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [
      guarded(
        careful(
          tcp({
            inboundSocketInactivityTimeout: 0,
            outboundSocketInactivityTimeout: 0,
            maxConnections: CONNECTIONS_MAX + WAITING_MAX,
            backlog: 512,
            dialOpts: dialOptions,
            listenOpts: { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS },
          }),
          options.listeners,
        ),
        guard,
      ),
    ],
    ...(allow &&
      { connectionGater: gaterOf(allow, (id) => denied(id, "is not on the list of allowed peers")) }),
    connectionEncrypters: [thrifty(noise({ crypto: noiseCrypto }))],
    streamMuxers: [
      sparing(yamux({
        enableKeepAlive: false,
        maxInboundStreams: 256,
        maxOutboundStreams: 256,
        streamOptions: {
          initialStreamWindowSize: STREAM_WINDOW_BYTES,
          maxStreamWindowSize: STREAM_WINDOW_BYTES,
          inactivityTimeout: NEVER_MS,
        },
      })),
    ],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      // never reached: the guard has fewer, but learns of the end of one sooner
      maxIncomingPendingConnections: 2 * SETUP_MAX,
      inboundConnectionThreshold: 256,
      inboundUpgradeTimeout: SETUP_TIMEOUT_MS,
      dialTimeout: 8000,
      addressDialTimeout: ADDRESS_TIMEOUT_MS,
      // in the order in which they are given
      addressSorter: () => 0,
      reconnectRetries: 0,
      // each to a host that does not answer takes its time, and half of a large cluster may not
      maxParallelDials: 256,
    },
    connectionMonitor: { enabled: false },
    ...await discovery(options),
    ...(options.metrics && { metrics: options.metrics as () => Metrics }),
    services: options.isClient
      ? { identify: identify() }
      : { identify: identify(), pubsub: await createGossip() },
  };
  const host = await createLibp2p(init) as Host;
  unrefPeerStore(host);
  forgetAbsent(host);
  return host;
}

/** libp2p keeps 9 KB of each client that ever came for hours, and nobody here asks for them. */
function forgetAbsent(host: Host): void {
  const forget = ({ detail }: CustomEvent<PeerId>): void =>
    void host.peerStore.delete(detail).catch(() => {});
  host.addEventListener("peer:disconnect", forget);
}

/** Fails unless the namespace fits into protocol ids, topics and service names. */
function checkNamespace(namespace: string): void {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(namespace)) return;
  throw new MeshError(
    "INVALID_INPUT",
    `Cannot create a mesh: namespace must be 1 to 64 of A-Z a-z 0-9 . _ -, got ${JSON.stringify(namespace)}`,
  );
}

async function keyOf(bytes: Uint8Array | undefined): Promise<PrivateKey> {
  if (bytes === undefined) return await generateKeyPair("Ed25519");
  try {
    return privateKeyFromProtobuf(bytes);
  } catch {
    // The cause could quote key material.
    throw new MeshError(
      "INVALID_INPUT",
      `Cannot create a mesh: privateKey is not a libp2p private key, got ${bytes.byteLength} bytes`,
    );
  }
}

/** Members of different namespaces ask for different services and do not see each other. */
function serviceTag(namespace: string): string {
  const hash = createHash("sha256").update(namespace).digest("hex").slice(0, 7);
  return `_stolos-${hash}._udp.local`;
}

/** The part of libp2p's mDNS that is looked at here: it does not say from where an answer came. */
interface Answered {
  _onMdnsResponse?(packet: unknown, from?: { readonly address?: string }): void;
}

async function discovery(options: HostOptions): Promise<Pick<Libp2pOptions, "peerDiscovery">> {
  const { found, namespace, isClient } = options;
  if (found === undefined) return {};
  const { mdns } = await import("@libp2p/mdns");
  const create = mdns({
    serviceTag: serviceTag(namespace),
    interval: isClient ? 1000 : MDNS_INTERVAL_MS,
    broadcast: !isClient,
  });
  return {
    peerDiscovery: [(components) => {
      const service: PeerDiscovery & Answered = create(components);
      let source = "";
      const take = service._onMdnsResponse?.bind(service);
      if (take) {
        service._onMdnsResponse = (packet, from) => {
          source = from?.address ?? "";
          take(packet, from);
        };
      }
      // libp2p itself reports a peer once only; a peer that came back is worth a second dial. It would also
      // keep for hours what anybody on the network has made up.
      service.addEventListener("peer", (event) => {
        const { id, multiaddrs } = event.detail;
        event.stopImmediatePropagation();
        const addresses = multiaddrs.map((address) => address.toString());
        found(id.toString(), addresses, isOfThisHost(`/ip4/${source}`));
      });
      return service;
    }],
  };
}

async function createGossip(): Promise<(components: GossipSubComponents) => GossipSub> {
  const { gossipsub } = await import("@chainsafe/libp2p-gossipsub");
  return gossipsub({
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    fallbackToFloodsub: false,
    globalSignaturePolicy: "StrictSign",
    D: 4,
    Dlo: 3,
    Dhi: 8,
    Dout: 1,
    Dlazy: 3,
    // A wake-up each; for longer than two of them newcomers are sent all news (NEWCOMER_MS in
    // coordinator/cluster-view.ts).
    heartbeatInterval: 2000,
    doPX: false,
    maxInboundDataLength: GOSSIP_BYTES_MAX,
    // Many nodes on one host are ordinary here: no score, and no timer for it.
    scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, decayInterval: NEVER_MS },
  });
}

/** Base58 of a public key, or of its hash. */
const PEER_ID: RegExp = /^[1-9A-HJ-NP-Za-km-z]{46,64}$/;

/**
 * Cuts everybody off who is not on the list, as soon as the handshake has shown who it is, before it gets a
 * byte of a protocol.
 *
 * @throws MeshError when one on the list is no peer id
 */
function gaterOf(allowed: readonly string[], onDenied: (id: string) => void): ConnectionGater {
  for (const id of allowed) {
    if (PEER_ID.test(id)) continue;
    throw new MeshError(
      "INVALID_INPUT",
      `Cannot create a mesh: allow must be peer ids like 12D3KooW…, got ${JSON.stringify(id)}`,
    );
  }
  const ids = new Set(allowed);
  const isDenied = (peer: PeerId): boolean => {
    const id = peer.toString();
    if (ids.has(id)) return false;
    onDenied(id);
    return true;
  };
  return { denyInboundEncryptedConnection: isDenied, denyOutboundEncryptedConnection: isDenied };
}

const SALT = "stolos";
/** Another derivation is another version. */
const PURPOSE = "libp2p private network, version 1";

/**
 * The key of a libp2p private network (handshake.ts), which all nodes and clients of a cluster share: who
 * lacks it cannot read or say anything, not even which protocols there are.
 *
 * HKDF (RFC 5869) with SHA-256: a secret may be any text, the key has the same strength as it.
 */
export function networkKeyOf(secret: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret.normalize("NFC"), SALT, PURPOSE, KEY_BYTES));
}
