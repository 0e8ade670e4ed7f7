/**
 * Dials, and says why it came to nothing: what is known of the cause, and what can be done. When to dial, and
 * whom, is left to dialer.ts and client.ts.
 */
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { HANDSHAKE_EVENT } from "./guard.ts";
import type { Handshake } from "./handshake.ts";
import type { Host } from "./host.ts";

/** Nobody was reached. The message is what can stand in brackets behind an address. */
export class DialError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DialError";
  }
}

/**
 * A connection to whoever answers at one of the addresses: a new one if `isForced`, else it may be one that
 * is there already. @throws DialError
 */
export async function dial(
  host: Host,
  addresses: readonly string[],
  signal: AbortSignal,
  { isForced = false }: { readonly isForced?: boolean } = {},
): Promise<Connection> {
  const seen: { handshake: Handshake | null } = { handshake: null };
  const onProgress = (event: { readonly type: string; readonly detail?: unknown }): void => {
    if (event.type === HANDSHAKE_EVENT) seen.handshake = event.detail as Handshake;
  };
  try {
    const targets = addresses.map((address) => multiaddr(address));
    return await host.dial(targets, { signal, onProgress, force: isForced });
  } catch (error) {
    throw new DialError(whyNot(host, seen.handshake, error), { cause: error });
  }
}

/** Whether it is this node itself that answered. */
export function isSelf(error: unknown): boolean {
  return error instanceof Error && (/dial self/i.test(error.message) || isSelf(error.cause));
}

/** What to say of a member that ended the connection when it knew who dialled. */
export function dismissal(host: Host): string {
  return `it ended the connection when it knew who this is: it may have a list without ${host.peerId}`;
}

function whyNot(host: Host, handshake: Handshake | null, error: unknown): string {
  // libp2p tried several ways: the first says enough
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (handshake === null) return unconnected(first);
  if (!handshake.isGreeted) return ungreeted(handshake);
  const message = first instanceof Error ? first.message : String(first);
  if (/identity key/i.test(message)) return "another node is there than the one that the address names";
  return handshake.isCut ? dismissal(host) : `the connection could not be set up: ${message}`;
}

const UNANSWERED = "no answer in time: the host is down, or a firewall is between";
const UNCONNECTED_BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there (ECONNREFUSED): is the node up, and is this its port?",
  EHOSTUNREACH: "no network leads there (EHOSTUNREACH)",
  ENETUNREACH: "no network leads there (ENETUNREACH)",
  ETIMEDOUT: UNANSWERED,
};

function unconnected(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = UNCONNECTED_BY_CODE[String((error as NodeJS.ErrnoException).code)];
  if (known !== undefined) return known;
  return isLate(error) ? UNANSWERED : error.message;
}

/** Its signal was the reason, not what was attempted. */
export function isLate(error: unknown): boolean {
  return error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError");
}

/** There was a connection, but the other end has not shown that it is a node, with the secret if any. */
function ungreeted({ hasSecret, hasBegun, isForeign, isCut, text }: Handshake): string {
  if (text !== null) return `another program is there: it says ${JSON.stringify(text)}`;
  if (isForeign && hasSecret) return "it has another secret than the one given";
  if (isForeign) return "what it sends cannot be read without a secret, and none was given";
  if (!isCut && !(hasSecret && hasBegun)) {
    return "it takes connections and says nothing: it hangs, or is no Stolos node";
  }
  if (!hasSecret) return "it ended the connection without a greeting: it is no Stolos node, or full";
  if (!isCut) return "it began the handshake and did not go on: it has another secret, or hangs";
  return hasBegun
    ? "it ended the connection when it had read what the secret hides: it has another one, or is full"
    : "it ended the connection without a word: it has another secret than the one given, or none";
}
