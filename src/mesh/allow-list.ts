/**
 * Who may connect: with a list, everybody else is cut off as soon as the handshake has shown who it is,
 * before it gets a byte of a protocol.
 */
import type { ConnectionGater, PeerId } from "@libp2p/interface";
import { MeshError } from "./mesh-types.ts";

/** Base58 of a public key, or of its hash. */
const PEER_ID: RegExp = /^[1-9A-HJ-NP-Za-km-z]{46,64}$/;

/** @throws MeshError when one is no peer id */
export function gaterOf(allowed: readonly string[], onDenied: (id: string) => void): ConnectionGater {
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
