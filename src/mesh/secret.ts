/**
 * The secret that all nodes and clients of a cluster share, as the key of a libp2p private network: who lacks
 * it cannot read or say anything on a connection, not even which protocols there are.
 */
import { preSharedKey, type ProtectorComponents } from "@libp2p/pnet";
import type { ConnectionProtector } from "@libp2p/interface";
import { hkdfSync } from "node:crypto";

const KEY_BYTES = 32;
const SALT = "stolos";
/** Another derivation is another version. */
const PURPOSE = "libp2p private network, version 1";
/** Between a connection and the 24 bytes that each end sends first. */
const NONCE_TIMEOUT_MS = 3000;

/** HKDF (RFC 5869) with SHA-256: a secret may be any text, the key has the same strength as it. */
export function networkKeyOf(secret: string): string {
  const key = hkdfSync("sha256", secret.normalize("NFC"), SALT, PURPOSE, KEY_BYTES);
  return Buffer.from(key).toString("hex");
}

export function privateNetwork(secret: string): (components: ProtectorComponents) => ConnectionProtector {
  const psk = new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${networkKeyOf(secret)}`);
  return preSharedKey({ psk, timeout: NONCE_TIMEOUT_MS });
}
