/**
 * Stands before libp2p: an inbound connection gets there once its first bytes have shown a peer, with the
 * secret if there is one. Until then it is kept out of what libp2p counts, so that strangers cannot use up the
 * places of others; and of too many that wait, those from the address with the most have to go. What the bytes
 * say is read in handshake.ts.
 */
import type { MultiaddrConnection, Transport, Upgrader } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { Handshake } from "./handshake.ts";

export interface GuardOptions {
  /** Of the private network; null = there is no secret. */
  readonly key: Uint8Array | null;
  /** A connection from that host came to nothing: the reason is the end of a sentence about it. */
  readonly refused: (host: string, reason: string) => void;
}

/** Event of a dial's `onProgress`: the connection is open, and its detail is the Handshake. */
export const HANDSHAKE_EVENT = "stolos:handshake";

/** More than can come at once: a server's queue has 512 places (host.ts). */
export const WAITING_MAX = 1024;
/** First byte of the multiaddr of an IPv6 address. */
const IP6_CODE = 41;
/** Of an IPv4 address that is written as an IPv6 address, in hex. */
const MAPPED_PREFIX = "00000000000000000000ffff";
const HANDSHAKE_TIMEOUT_MS = 3000;
/** What libp2p may take after it, for encryption and streams. */
export const SETUP_TIMEOUT_MS = 5000;
const SLOW = `was cut off: it could not be set up within ${SETUP_TIMEOUT_MS / 1000} s`;
const LATE = `did not complete its handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`;
const CROWDED = `was cut off to make room: ${WAITING_MAX} others had not completed their handshake either`;

export class Guard {
  readonly #options: GuardOptions;
  /** By where they come from, oldest first. */
  readonly #waitingByNetwork: Map<string, Set<Handshake>> = new Map();
  #waitingCount = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Connections whose handshake is not complete. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  outbound(connection: MultiaddrConnection): Handshake {
    return new Handshake(connection, this.#options.key);
  }

  /** Resolves when the connection may go on to libp2p; rejects, and has told of it, when it may not. */
  async inbound(connection: MultiaddrConnection): Promise<void> {
    const network = networkOf(connection.remoteAddr);
    if (this.#waitingCount >= WAITING_MAX) this.#makeRoom();
    const handshake = new Handshake(connection, this.#options.key);
    this.#add(network, handshake);
    const timer = setTimeout(() => handshake.fail(new Error(LATE)), HANDSHAKE_TIMEOUT_MS);
    try {
      await handshake.greeted;
    } catch (error) {
      this.#tell(connection, reasonOf(handshake, error as Error));
      throw error;
    } finally {
      clearTimeout(timer);
      this.#remove(network, handshake);
    }
  }

  /** It had got to libp2p. Whether its peer may connect at all is told by who decides that. */
  failed(connection: MultiaddrConnection, error: Error, afterMs: number): void {
    if (error.name === "ConnectionDeniedError") this.#tell(connection, "was refused: there are too many");
    else if (Math.ceil(afterMs) >= SETUP_TIMEOUT_MS) this.#tell(connection, SLOW);
  }

  #tell(connection: MultiaddrConnection, reason: string | null): void {
    if (reason !== null) this.#options.refused(hostOf(connection.remoteAddr), reason);
  }

  /** Where most come from is hit first: a stranger can get in the way of those who share its address only. */
  #makeRoom(): void {
    let [network, most]: [string, ReadonlySet<Handshake>] = ["", new Set()];
    for (const [each, waiting] of this.#waitingByNetwork) {
      if (waiting.size > most.size) [network, most] = [each, waiting];
    }
    const [oldest] = most;
    if (!oldest) return;
    this.#remove(network, oldest);
    oldest.fail(new Error(CROWDED));
  }

  #add(network: string, handshake: Handshake): void {
    const waiting = this.#waitingByNetwork.get(network);
    if (waiting) waiting.add(handshake);
    else this.#waitingByNetwork.set(network, new Set([handshake]));
    this.#waitingCount++;
  }

  #remove(network: string, handshake: Handshake): void {
    const waiting = this.#waitingByNetwork.get(network);
    if (!waiting?.delete(handshake)) return;
    if (waiting.size === 0) this.#waitingByNetwork.delete(network);
    this.#waitingCount--;
  }
}

/** What is known, and no more: null when it is not worth telling. */
function reasonOf(handshake: Handshake, error: Error): string | null {
  const { hasSecret, isForeign, isPlain } = handshake;
  if (isPlain) return "speaks without a secret, but this node has one";
  if (isForeign && hasSecret) return "sent what the secret does not open: it has another one, or none";
  if (isForeign) return "sent what is no libp2p: it may have a secret, but this node has none";
  if (!hasSecret) return null;
  return error.message === LATE || error.message === CROWDED
    ? error.message
    : "ended before its handshake was complete";
}

/** A transport whose connections go through the guard. */
export function guarded<C, T extends Transport>(
  create: (components: C) => T,
  guard: Guard,
): (components: C) => T {
  return (components) => {
    const transport = create(components);
    const dial = transport.dial.bind(transport);
    const createListener = transport.createListener.bind(transport);
    transport.dial = (address, options) =>
      dial(address, { ...options, upgrader: outbound(options.upgrader, guard) });
    transport.createListener = (options) =>
      createListener({ ...options, upgrader: inbound(options.upgrader, guard) });
    return transport;
  };
}

function outbound(upgrader: Upgrader, guard: Guard): Upgrader {
  const wrapped: Upgrader = Object.create(upgrader);
  wrapped.upgradeOutbound = (connection, options) => {
    const handshake = guard.outbound(connection);
    // libp2p passes on what it does not know
    const onProgress = options.onProgress as ((event: Event) => void) | undefined;
    onProgress?.(new CustomEvent(HANDSHAKE_EVENT, { detail: handshake }));
    return upgrader.upgradeOutbound(connection, options);
  };
  return wrapped;
}

function inbound(upgrader: Upgrader, guard: Guard): Upgrader {
  const wrapped: Upgrader = Object.create(upgrader);
  wrapped.upgradeInbound = async (connection, options) => {
    await guard.inbound(connection);
    const startMs = performance.now();
    try {
      await upgrader.upgradeInbound(connection, options);
    } catch (error) {
      guard.failed(connection, error as Error, performance.now() - startMs);
      throw error;
    }
  };
  return wrapped;
}

function hostOf(address: Multiaddr): string {
  return address.toString().split("/")[2] ?? "";
}

/** An IPv4 address, or the half of an IPv6 address that names a network: its owner has all of the rest. */
function networkOf({ bytes }: Multiaddr): string {
  if (bytes[0] !== IP6_CODE) return Buffer.from(bytes).toString("hex", 1, 5);
  const address = Buffer.from(bytes).toString("hex", 1, 17);
  return address.startsWith(MAPPED_PREFIX) ? address : address.slice(0, 16);
}
