/** Options that say who may talk to a node. Never shown in an error: secrets. */
import { boolean, shown, texts } from "../base/arguments.ts";

export interface SecurityOptions {
  /**
   * Pre-shared key, 32 characters or more, the same on all nodes and clients of the cluster: who lacks it can
   * neither read nor say anything. Needed by a node that listens beyond this machine.
   * @default none
   */
  readonly secret?: string | undefined;
  /**
   * "none": it may listen beyond this machine without a secret; whoever can connect can then run tasks.
   * @default a secret is needed
   */
  readonly security?: "none";
  /**
   * Peer ids of all members and clients that may connect; others get no byte of a protocol.
   * @default whoever knows the secret
   */
  readonly allow?: readonly string[];
}

export interface SecuritySettings {
  readonly secret: string | null;
  readonly allow: readonly string[] | null;
}

export const SECURITY_KEYS = ["secret", "security", "allow"] as const;

/** Half a random secret of base64 is still beyond guessing. */
const SECRET_CHARS_MIN = 32;
const SECRET_CHARS_MAX = 4096;
/** Addresses that no other machine reaches. */
const LOOPBACK: RegExp = /^\/(ip4\/127\.|ip6\/::1(\/|$)|dns[46]?\/localhost(\/|$)|unix\/|memory\/)/;

const NAMESPACE: RegExp = /^[a-zA-Z0-9._-]{1,64}$/;

interface Placed extends SecurityOptions {
  readonly listen?: readonly string[];
  readonly announce?: readonly string[];
  readonly coordinator?: "mesh" | "embedded";
}

/** @throws TypeError, RangeError */
export function securitySettings(attempt: string, options: Placed): SecuritySettings {
  const { listen = [], announce = [], coordinator, security, allow } = options;
  const secret = secretOf(attempt, options.secret);
  if (security !== undefined && security !== "none") {
    throw new TypeError(`Cannot ${attempt}: security must be "none" or absent, got ${shown(security)}`);
  }
  if (security === "none" && secret !== null) {
    throw new TypeError(`Cannot ${attempt}: it has a secret and security "none": leave one out`);
  }
  const beyond = [...listen, ...announce].find((address) => !LOOPBACK.test(address));
  if (beyond !== undefined && secret === null && security !== "none" && coordinator !== "embedded") {
    throw new TypeError(
      `Cannot ${attempt}: ${beyond} can be reached from other machines, so it needs a secret ` +
        `(${SECRET_CHARS_MIN} characters or more, the same on all nodes and clients); ` +
        'security "none" lets whoever can connect run tasks here',
    );
  }
  return { secret, allow: allow === undefined ? null : texts(attempt, "allow", allow, []) };
}

/** @throws TypeError, RangeError that do not quote it */
export function secretOf(attempt: string, value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value !== "string") {
    throw new TypeError(`Cannot ${attempt}: secret must be a text, got a ${typeof value}`);
  }
  const { length } = value;
  if (length >= SECRET_CHARS_MIN && length <= SECRET_CHARS_MAX) return value;
  const bounds = `${SECRET_CHARS_MIN} to ${SECRET_CHARS_MAX} characters`;
  throw new RangeError(`Cannot ${attempt}: secret must have ${bounds}, it has ${length}`);
}

export function namespaceOf(attempt: string, value: unknown): string {
  if (value === undefined) return "stolos";
  if (typeof value === "string" && NAMESPACE.test(value)) return value;
  throw new TypeError(
    `Cannot ${attempt}: namespace must be 1 to 64 of a-z A-Z 0-9 . _ -, got ${shown(value)}`,
  );
}

/**
 * Whether to look for others by mDNS: only for those of a namespace that was chosen, since whoever has none
 * would find whatever else runs on the network.
 *
 * @throws TypeError
 */
export function mdnsOf(
  attempt: string,
  { namespace, mdns }: { readonly namespace?: unknown; readonly mdns?: unknown },
  byDefault = true,
): boolean {
  const isWanted = boolean(attempt, "mdns", mdns, byDefault && namespace !== undefined);
  if (!isWanted || namespace !== undefined) return isWanted;
  throw new TypeError(`Cannot ${attempt}: mdns needs a namespace, which says whom to look for`);
}
