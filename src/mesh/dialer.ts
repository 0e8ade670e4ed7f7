/**
 * Keeps trying to be connected: to the `join` addresses for ever, to members that members vouch for until
 * they have been out of reach for long, at each address of others that were found on the local network once.
 * What happens on a connection is left to links.ts.
 */
import type { NodeId } from "../protocol/model/types.ts";
import { isSelf } from "./dial.ts";

const BACKOFF_MIN_MS = 200;
/** From one attempt to the next: for about so long a network that is back goes unseen. */
const BACKOFF_MAX_MS = 3000;
/** A peer that gives signs of life is dialled no more often. */
const HURRY_EVERY_MS = 1000;
/** The peer was refused: it will hardly have changed its mind in a second. */
const REFUSED_BACKOFF_MS = 15_000;
/** Both ends of a pair hear of each other, or lose each other, at once: the smaller id dials first. */
const POLITE_DELAY_MS = 500;
/** A memory-only node that restarts has a new identity: the old one is dialled no longer than this. */
const FORGET_AFTER_MS = 10 * 60_000;
const TARGETS_MAX = 2000;
/** Found on the local network, where anybody can make up any number: so many at once, */
const FOUND_MAX = 32;
/** and, once as many have come, one in each so long. A newcomer is found again, or finds the others. */
const FOUND_EVERY_MS = 200;
const FOUND_ADDRESSES_MAX = 8;
/** One attempt tries so many addresses, one after another; the next attempt tries others. */
const ADDRESSES_PER_DIAL = 2;
/** Nodes that start together are not there for each other at once: about 3 s. */
const REPORT_AFTER_ATTEMPTS = 4;

export interface DialerPort {
  readonly self: NodeId;
  /** Tries one after another. */
  dial(addresses: readonly string[]): Promise<Reached>;
  isConnected(id: NodeId): boolean;
  /** Nobody answered at a `join` address; it is tried again. */
  failed(address: string, reason: string): void;
}

/** Who answered, and at which of the addresses. */
export interface Reached {
  readonly id: NodeId;
  readonly address: string;
}

interface Target {
  readonly isJoin: boolean;
  /** As given, or as members say. None: nobody vouches for it. */
  addresses: readonly string[];
  /** As anybody on the local network has said last: they come on top. */
  found: readonly string[];
  /** At which it answered last. */
  goodAddress: string | undefined;
  id: NodeId | undefined;
  attempts: number;
  failingSinceMs: number | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires. */
  dueMs: number;
  /** When it was dialled last. */
  startedMs: number;
  isDialling: boolean;
  /** There was a sign of life while it was being dialled. */
  isHurried: boolean;
  isRefused: boolean;
}

export class Dialer {
  readonly #port: DialerPort;
  readonly #targetByKey = new Map<string, Target>();
  /** Behind a name there may be this node as well. */
  readonly #ownAddresses = new Set<string>();
  /** Up to when the places for those that were found are given away. */
  #foundMs = -Infinity;
  #isStopped = false;

  constructor(port: DialerPort) {
    this.#port = port;
  }

  /** Dials `address` now and whenever the connection to whoever answers there is gone. */
  join(address: string): void {
    const id = peerIdOf(address);
    if (id === this.#port.self || this.#ownAddresses.has(address)) return;
    this.#add(address, { isJoin: true, addresses: [address], found: [], id }, 0);
  }

  /** Whoever is there now may be gone at any time: it is not dialled any more because of `join`. */
  unjoin(address: string): void {
    const target = this.#targetByKey.get(address);
    if (!target?.isJoin) return;
    clearTimeout(target.timer);
    this.#remove(target);
  }

  /** Whoever is behind a `join` address may be back. */
  hurry(address: string): void {
    const target = this.#targetByKey.get(address);
    if (target !== undefined) this.#hurry(target, 0);
  }

  /** A member says where another, that lives, can be reached; dials it unless connected. */
  learn(id: NodeId, addresses: readonly string[]): void {
    const full = named(id, addresses);
    if (id === this.#port.self || full.length === 0 || this.#isStopped) return;
    const known = this.#targetByKey.get(id);
    if (known !== undefined) {
      known.addresses = full;
      this.heard(id);
    } else if (this.#targetByKey.size < TARGETS_MAX) {
      this.#add(id, { isJoin: false, addresses: full, found: [], id }, this.#politeMs(id));
    }
  }

  /** Somebody on the local network says so, who may lie: dials each address once, unless connected. */
  found(id: NodeId, addresses: readonly string[]): void {
    const full = named(id, addresses).slice(0, FOUND_ADDRESSES_MAX);
    if (id === this.#port.self || full.length === 0 || this.#isStopped) return;
    const known = this.#targetByKey.get(id);
    if (known !== undefined) {
      known.found = full;
      this.heard(id);
    } else if (this.#takesFound()) {
      this.#add(id, { isJoin: false, addresses: [], found: full, id }, this.#politeMs(id));
    }
  }

  /** A sign of life of a peer, from wherever: it is dialled soon unless connected. */
  heard(id: NodeId): void {
    for (const target of this.#of(id)) {
      target.failingSinceMs = undefined;
      this.#hurry(target, this.#politeMs(id));
    }
  }

  /** A link to the peer works. */
  up(id: NodeId): void {
    for (const target of this.#of(id)) {
      target.attempts = 0;
      target.failingSinceMs = undefined;
    }
  }

  /** The last connection to the peer is gone. */
  down(id: NodeId): void {
    for (const target of this.#of(id)) {
      this.#schedule(target, backoffMs(target.attempts) + this.#politeMs(id));
    }
  }

  /** The peer was refused, or refused us. */
  refused(id: NodeId): void {
    for (const target of this.#of(id)) {
      clearTimeout(target.timer);
      target.timer = undefined;
      target.isRefused = true;
      this.#schedule(target, REFUSED_BACKOFF_MS);
    }
  }

  /** Call now and then: dials whom nobody dials, should the end of a connection have gone unnoticed. */
  check(connected: ReadonlySet<NodeId>): void {
    for (const target of this.#targetByKey.values()) {
      if (target.id === undefined || !connected.has(target.id)) {
        this.#schedule(target, backoffMs(target.attempts));
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const target of this.#targetByKey.values()) clearTimeout(target.timer);
    this.#targetByKey.clear();
  }

  #politeMs(id: NodeId): number {
    return id < this.#port.self ? POLITE_DELAY_MS : 0;
  }

  #of(id: NodeId): Target[] {
    return [...this.#targetByKey.values()].filter((target) => target.id === id);
  }

  /** Whether there is a place for one more that nobody vouches for. */
  #takesFound(): boolean {
    const nowMs = performance.now();
    const untilMs = Math.max(this.#foundMs, nowMs - FOUND_MAX * FOUND_EVERY_MS) + FOUND_EVERY_MS;
    if (untilMs > nowMs) return false;
    const targets = [...this.#targetByKey.values()];
    if (targets.filter(({ addresses }) => addresses.length === 0).length >= FOUND_MAX) return false;
    this.#foundMs = untilMs;
    return true;
  }

  #add(key: string, target: Pick<Target, "isJoin" | "addresses" | "found" | "id">, delayMs: number): void {
    if (this.#isStopped || this.#targetByKey.has(key)) return;
    const added: Target = {
      ...target,
      goodAddress: undefined,
      attempts: 0,
      failingSinceMs: undefined,
      timer: undefined,
      dueMs: 0,
      startedMs: -Infinity,
      isDialling: false,
      isHurried: false,
      isRefused: false,
    };
    this.#targetByKey.set(key, added);
    this.#schedule(added, delayMs);
  }

  #schedule(target: Target, delayMs: number): void {
    if (this.#isStopped || target.timer !== undefined || target.isDialling) return;
    target.dueMs = performance.now() + delayMs;
    target.timer = setTimeout(() => {
      target.timer = undefined;
      void this.#dial(target);
    }, delayMs);
  }

  #hurry(target: Target, delayMs: number): void {
    if (target.isRefused) return;
    target.isHurried = target.isDialling;
    const nowMs = performance.now();
    const dueMs = Math.max(nowMs + delayMs, target.startedMs + HURRY_EVERY_MS);
    if (target.timer === undefined || target.dueMs <= dueMs) return;
    clearTimeout(target.timer);
    target.timer = undefined;
    this.#schedule(target, dueMs - nowMs);
  }

  async #dial(target: Target): Promise<void> {
    target.isRefused = false;
    const { id: known } = target;
    if (this.#isStopped || (known !== undefined && this.#port.isConnected(known))) return;
    // One at a time: when the network is back, all that are under way would come through at once.
    if (known !== undefined && this.#of(known).some(({ isDialling }) => isDialling)) {
      this.#schedule(target, BACKOFF_MIN_MS);
      return;
    }
    target.isDialling = true;
    target.isHurried = false;
    target.startedMs = performance.now();
    try {
      const { id, address } = await this.#port.dial(addressesOf(target));
      target.isDialling = false;
      target.id = id;
      target.goodAddress = address;
      // Lost again before it was known who it is: nobody called down() for this target.
      if (!this.#port.isConnected(target.id)) this.#failed(target);
      else target.attempts++;
    } catch (error) {
      target.isDialling = false;
      if (isSelf(error)) this.#isOwn(target);
      else this.#failed(target, error);
    }
  }

  #isOwn(target: Target): void {
    this.#remove(target);
    for (const address of target.addresses) this.#ownAddresses.add(address);
  }

  #failed(target: Target, error: unknown = new Error("the connection was lost at once")): void {
    if (this.#isStopped || !this.#isTarget(target)) return;
    if (target.isJoin && target.attempts >= REPORT_AFTER_ATTEMPTS) {
      this.#port.failed(target.addresses[0] ?? "", error instanceof Error ? error.message : String(error));
    }
    const nowMs = performance.now();
    target.attempts++;
    target.failingSinceMs ??= nowMs;
    const { addresses, found, attempts } = target;
    const hasTriedAll = addresses.length === 0 && attempts * ADDRESSES_PER_DIAL >= found.length;
    if (hasTriedAll || (!target.isJoin && nowMs - target.failingSinceMs > FORGET_AFTER_MS)) {
      this.#remove(target);
    } else {
      const waitMs = target.isHurried ? HURRY_EVERY_MS : backoffMs(target.attempts);
      this.#schedule(target, Math.max(BACKOFF_MIN_MS, target.startedMs + waitMs - nowMs));
    }
  }

  /** It may have been removed while it was dialled. */
  #isTarget(target: Target): boolean {
    for (const each of this.#targetByKey.values()) if (each === target) return true;
    return false;
  }

  #remove(target: Target): void {
    for (const [key, value] of this.#targetByKey) if (value === target) this.#targetByKey.delete(key);
  }
}

/** The id at the end of a multiaddr, if it names one. */
export function peerIdOf(address: string): NodeId | undefined {
  return /\/p2p\/([^/]+)$/.exec(address)?.[1];
}

/** Those that name nobody else, with the id. */
function named(id: NodeId, addresses: readonly string[]): string[] {
  return addresses.flatMap((address) => {
    const name = peerIdOf(address);
    return name === undefined ? [`${address}/p2p/${id}`] : name === id ? [address] : [];
  });
}

/** First where it answered last, then others in turn: some may be of networks that we are not on. */
function addressesOf({ addresses, found, goodAddress, attempts }: Target): readonly string[] {
  const all = [...new Set([...found, ...addresses])];
  const good = all.filter((address) => address === goodAddress);
  const others = all.filter((address) => address !== goodAddress);
  const count = Math.min(others.length, ADDRESSES_PER_DIAL - good.length);
  const turn = Array.from({ length: count }, (_, at) => others[(attempts * count + at) % others.length]!);
  return [...good, ...turn];
}

function backoffMs(attempts: number): number {
  const fullMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(attempts, 10));
  return fullMs * (0.75 + Math.random() / 4);
}
