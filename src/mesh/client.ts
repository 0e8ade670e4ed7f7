/**
 * A non-member's way into the mesh: finds a member, opens one stream to it. What is asked on the stream, and
 * going to another member when this one dies, is left to the layers above.
 */
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { leadingElsewhere } from "./addresses.ts";
import { clientProtocol, namespaceServed, overStream } from "./client-stream.ts";
import { dial, DialError, dismissal, isLate } from "./dial.ts";
import { createHost, type Host, type OnFound } from "./host.ts";
import { resolveAddress } from "./joins.ts";
import { stopWhole, untilAborted } from "./libp2p-care.ts";
import { type Lookup, type MeshClient, MeshError } from "./mesh-types.ts";
import { timeoutSignal } from "./timeout-signal.ts";

export interface MeshClientOptions {
  readonly namespace: string;
  /** Tried in this order, again and again; those with names at all addresses that DNS has for them. */
  readonly join: readonly string[];
  /** Also try members found on the local network. */
  readonly mdns: boolean;
  readonly timeoutMs: number;
  /** Nobody wants it any more. @default never */
  readonly signal?: AbortSignal;
  /** Of the cluster. @default none */
  readonly secret?: string | null;
  /** Identity as a libp2p private key in protobuf form. @default a fresh one */
  readonly privateKey?: Uint8Array;
  /** A member that is tried again only when no other answers. @default none */
  readonly avoid?: string | null;
  /** Looks up names; given by tests. @default the system's */
  readonly lookup?: Lookup;
  /** @default 4 MiB */
  readonly messageBytesMax?: number;
}

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
const DIAL_TIMEOUT_MS = 3000;
const PAUSE_MS = 200;
/** For a member to say what it speaks. */
const IDENTIFY_TIMEOUT_MS = 500;
const STOP_TIMEOUT_MS = 1000;

/**
 * Dials one of `join`, or whoever mDNS finds, as a non-member. Rejects with a MeshError after timeoutMs, or
 * when its signal aborts.
 */
export async function connectClient(options: MeshClientOptions): Promise<MeshClient> {
  const candidates = new Map<string, readonly string[]>();
  for (const address of options.join) candidates.set(address, [parse(address)]);
  // Without their id: libp2p would try those of one peer one after another.
  const found: OnFound = (id, addresses, isNear) => {
    candidates.set(id, leadingElsewhere(addresses, { isNear, own: [] }));
  };
  const host = await createHost({
    namespace: options.namespace,
    listen: [],
    isClient: true,
    security: { secret: options.secret ?? null, allow: null },
    ...(options.privateKey && { privateKey: options.privateKey }),
    ...(options.mdns && { found }),
  });
  try {
    await host.start();
    return await connectAny(host, candidates, options);
  } catch (error) {
    await stopHost(host);
    throw error;
  }
}

async function connectAny(
  host: Host,
  candidates: ReadonlyMap<string, readonly string[]>,
  options: MeshClientOptions,
): Promise<MeshClient> {
  const { timeoutMs, namespace, mdns } = options;
  const deadlineMs = performance.now() + timeoutMs;
  const reasonByCandidate = new Map<string, string>();
  for (let avoid = options.avoid ?? null;; avoid = null) {
    const late = timeoutSignal(Math.max(1, Math.ceil(deadlineMs - performance.now())));
    const signal = options.signal ? AbortSignal.any([late, options.signal]) : late;
    const race: Race = { won: null };
    const found = await firstOf(candidates, async ([candidate, addresses], over) => {
      try {
        const all = await Promise.all(addresses.map((each) => resolved(each, over, options.lookup)));
        const within = AbortSignal.any([over, timeoutSignal(DIAL_TIMEOUT_MS)]);
        return await connectToAny(host, all.flat(), within, { ...options, avoid, race });
      } catch (error) {
        // one that was cut short says less than the one before
        if (!signal.aborted || !reasonByCandidate.has(candidate)) {
          reasonByCandidate.set(candidate, reasonOf(error));
        }
        throw error;
      }
    }, signal);
    if (found) return found;
    if (options.signal?.aborted || deadlineMs - performance.now() < PAUSE_MS) break;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const tried = [...candidates.keys()].map((each) =>
    `${each} (${reasonByCandidate.get(each) ?? "no answer in time"})`
  );
  const nobody = mdns ? "no member was found on the local network" : "there is no address to dial";
  throw new MeshError(
    "CONNECT_FAILED",
    `Cannot connect to a member of namespace ${namespace} within ${timeoutMs} ms: ` +
      (tried.length === 0 ? nobody : `tried ${tried.join(", ")}`),
  );
}

async function resolved(address: string, signal: AbortSignal, lookup?: Lookup): Promise<readonly string[]> {
  try {
    return await untilAborted(resolveAddress(address, lookup), signal);
  } catch (error) {
    throw signal.aborted ? new DialError("DNS did not answer in time", { cause: error }) : error;
  }
}

/** Ways that lead to one node may share a connection: the losers must not close the winner's. */
interface Race {
  won: Connection | null;
}

interface ConnectOptions extends MeshClientOptions {
  readonly race: Race;
}

/** Each address may be another node's: one that does not answer hides none of the others. */
async function connectToAny(
  host: Host,
  addresses: readonly string[],
  signal: AbortSignal,
  options: ConnectOptions,
): Promise<MeshClient> {
  let reason: unknown = new DialError(
    addresses.length === 0 ? "it listens on loopback of its host alone" : "no answer in time",
  );
  const found = await firstOf(addresses, async (address, over) => {
    try {
      return await connectTo(host, address, over, options);
    } catch (error) {
      if (!over.aborted || signal.aborted) reason = error;
      throw error;
    }
  }, signal);
  if (found) return found;
  throw reason;
}

async function connectTo(
  host: Host,
  address: string,
  signal: AbortSignal,
  options: ConnectOptions,
): Promise<MeshClient> {
  const connection = await dial(host, [address], signal);
  try {
    if (connection.remotePeer.toString() === options.avoid) throw new DialError("it was lost before");
    const stream = await connection.newStream(clientProtocol(options.namespace), { signal });
    signal.throwIfAborted();
    options.race.won = connection;
    const { messages, send } = overStream(stream, options.messageBytesMax ?? MESSAGE_BYTES_MAX);
    return {
      id: host.peerId.toString(),
      member: connection.remotePeer.toString(),
      messages,
      send,
      stop: () => stopHost(host),
    };
  } catch (error) {
    const reason = error instanceof DialError ? error : await unserved(host, connection, options, error);
    if (connection !== options.race.won) connection.abort(new Error("not a member of the namespace"));
    throw reason;
  }
}

/** There is a connection, but no stream. */
async function unserved(
  host: Host,
  connection: Connection,
  { namespace }: ConnectOptions,
  cause: unknown,
): Promise<DialError> {
  if ((cause as Error).name === "UnsupportedProtocolError") {
    const served = await namespaceServed(host, connection, timeoutSignal(IDENTIFY_TIMEOUT_MS));
    const what = served === null ? "not a node" : `a node of namespace ${served}, not`;
    return new DialError(`it is ${what} of namespace ${namespace}`, { cause });
  }
  if (connection.status !== "open") return new DialError(dismissal(host), { cause });
  const what = isLate(cause) ? "it did not answer in time" : `it did not open a stream: ${reasonOf(cause)}`;
  return new DialError(what, { cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function stopHost(host: Host): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, STOP_TIMEOUT_MS);
  await Promise.race([stopWhole(host).catch(() => {}), late]);
  clearTimeout(timer);
}

function parse(address: string): string {
  try {
    return multiaddr(address).toString();
  } catch {
    throw new MeshError(
      "INVALID_INPUT",
      `Cannot connect: join must be multiaddrs like /ip4/127.0.0.1/tcp/7700, got ${address}`,
    );
  }
}

/** A way that is slow is not given up, but the next one is tried beside it. */
const STAGGER_MS = 250;
/** Ways that are aborted end at once, but not in the same turn. */
const SETTLE_MS = 100;

/**
 * Tries the next way when the one before has failed, or is slow: what the first that succeeds resolves with;
 * undefined when all have failed. Once there is one, or `signal` aborts, the signal that the others were
 * given aborts.
 */
export async function firstOf<T, R>(
  ways: Iterable<T>,
  attempt: (way: T, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal,
): Promise<R | undefined> {
  const over = new AbortController();
  const won = Promise.withResolvers<R>();
  const isOver = new Promise<void>((resolve) => {
    won.promise.then(() => resolve());
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  const either = AbortSignal.any([over.signal, signal]);
  let isWon = false;
  const running: Promise<void>[] = [];
  for (const way of ways) {
    if (isWon || signal.aborted) break;
    const run = attempt(way, either).then((result) => {
      isWon = true;
      won.resolve(result);
    }, () => {});
    running.push(run);
    await Promise.race([run, isOver, delay(STAGGER_MS)]);
  }
  await Promise.race([isOver, Promise.all(running)]);
  over.abort();
  // what they have to say of it
  if (!isWon) await Promise.race([Promise.all(running), delay(SETTLE_MS)]);
  return isWon ? await won.promise : undefined;
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
