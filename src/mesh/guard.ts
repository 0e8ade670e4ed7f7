/**
 * Stands before libp2p: an inbound connection gets there once its first bytes have shown a peer, with the
 * secret if there is one. Until then libp2p does not count it, so that strangers cannot use up the places of
 * others. Of too many that wait, those from the address with the most have to go. What the bytes say is read
 * in handshake.ts.
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

/** Whose handshake is not complete: more than can come at once, for the server's queue has 512 places. */
export const WAITING_MAX = 1024;
/** Which have shown the secret, or repeat what they heard of somebody who did, and are libp2p's to set up. */
export const SETUP_MAX = 256;
export const SETUP_TIMEOUT_MS = 5000;
const HANDSHAKE_TIMEOUT_MS = 3000;
const SLOW = `was cut off: it could not be set up within ${SETUP_TIMEOUT_MS / 1000} s`;
const LATE = `did not complete its handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`;
const CROWDED = "was cut off to make room for others: too many wait";
/** First byte of the multiaddr of an IPv6 address. */
const IP6_CODE = 41;
/** Of an IPv4 address that is written as an IPv6 address, in hex. */
const MAPPED_PREFIX = "00000000000000000000ffff";

export class Guard {
  readonly #options: GuardOptions;
  readonly #waiting = new Places(WAITING_MAX);
  readonly #inSetup = new Places(SETUP_MAX);

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Connections whose handshake is not complete. */
  get waitingCount(): number {
    return this.#waiting.count;
  }

  outbound(connection: MultiaddrConnection): Handshake {
    return new Handshake(connection, this.#options.key);
  }

  /** Lets libp2p set the connection up when its handshake is complete. Rejects if either fails. */
  async inbound(connection: MultiaddrConnection, setUp: () => Promise<void>): Promise<void> {
    const network = networkOf(connection.remoteAddr);
    await this.#greeted(connection, network);
    const startMs = performance.now();
    const leave = this.#inSetup.take(network, () => connection.abort(new Error(CROWDED)));
    try {
      await setUp();
    } catch (error) {
      this.#report(connection, setupReasonOf(error as Error, performance.now() - startMs));
      throw error;
    } finally {
      leave();
    }
  }

  async #greeted(connection: MultiaddrConnection, network: string): Promise<void> {
    const handshake = new Handshake(connection, this.#options.key);
    const leave = this.#waiting.take(network, () => handshake.fail(new Error(CROWDED)));
    const timer = setTimeout(() => handshake.fail(new Error(LATE)), HANDSHAKE_TIMEOUT_MS);
    try {
      await handshake.greeted;
    } catch (error) {
      this.#report(connection, reasonOf(handshake, error as Error));
      throw error;
    } finally {
      clearTimeout(timer);
      leave();
    }
  }

  #report(connection: MultiaddrConnection, reason: string | null): void {
    if (reason === null) return;
    const host = connection.remoteAddr.toString().split("/")[2] ?? "";
    this.#options.refused(host, reason);
  }
}

/** Places that nobody can take from all others: when all are taken, who has the most loses the oldest. */
class Places {
  readonly #max: number;
  /** What to do to whoever has to go, oldest first. */
  readonly #evictionsByNetwork: Map<string, Set<() => void>> = new Map();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  /** Returns what gives the place back. */
  take(network: string, evict: () => void): () => void {
    if (this.#count >= this.#max) this.#makeRoom();
    const taken = this.#evictionsByNetwork.get(network);
    if (taken) taken.add(evict);
    else this.#evictionsByNetwork.set(network, new Set([evict]));
    this.#count++;
    return () => this.#remove(network, evict);
  }

  #makeRoom(): void {
    let [network, most]: [string, ReadonlySet<() => void>] = ["", new Set()];
    for (const [each, taken] of this.#evictionsByNetwork) {
      if (taken.size > most.size) [network, most] = [each, taken];
    }
    const [evict] = most;
    if (!evict) return;
    this.#remove(network, evict);
    evict();
  }

  #remove(network: string, evict: () => void): void {
    const taken = this.#evictionsByNetwork.get(network);
    if (!taken?.delete(evict)) return;
    if (taken.size === 0) this.#evictionsByNetwork.delete(network);
    this.#count--;
  }
}

/** What is known, and no more: null when it is not worth a report. */
function reasonOf(handshake: Handshake, error: Error): string | null {
  const { hasSecret, isForeign, isPlain } = handshake;
  if (isPlain) return "speaks without a secret, but this node has one";
  if (isForeign && hasSecret) return "sent what the secret does not open: it has another one, or none";
  if (isForeign) return "sent what is no libp2p: it may have a secret, but this node has none";
  if (!hasSecret) return null;
  const isOurs = error.message === LATE || error.message === CROWDED;
  return isOurs ? error.message : "ended before its handshake was complete";
}

/** Whether its peer may connect at all is reported by who decides that, and one that ended comes back. */
function setupReasonOf(error: Error, afterMs: number): string | null {
  if (error.name === "ConnectionDeniedError") return "was refused: there are too many";
  return Math.ceil(afterMs) >= SETUP_TIMEOUT_MS ? SLOW : null;
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
  wrapped.upgradeInbound = (connection, options) =>
    guard.inbound(connection, () => upgrader.upgradeInbound(connection, options));
  return wrapped;
}

/** An IPv4 address, or the half of an IPv6 address that names a network: its owner has all of the rest. */
function networkOf({ bytes }: Multiaddr): string {
  if (bytes[0] !== IP6_CODE) return Buffer.from(bytes).toString("hex", 1, 5);
  const address = Buffer.from(bytes).toString("hex", 1, 17);
  return address.startsWith(MAPPED_PREFIX) ? address : address.slice(0, 16);
}
