/** What members send each other beside the protocol: who else is there, and to which cluster they belong. */
import { multiaddr } from "@multiformats/multiaddr";
import type { NodeId } from "../protocol/model/types.ts";
import { peerIdOf } from "./dialer.ts";
import type { Hello } from "./mesh-types.ts";

const PEERS_MAX = 1000;

export function encodePeers(peers: readonly (readonly [NodeId, Hello])[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(peers.map(([id, hello]) => [id, hello.addresses])));
}

export function decodePeers(body: Uint8Array): readonly (readonly [NodeId, readonly string[]])[] {
  const peers = parsed(body);
  if (!Array.isArray(peers) || peers.length > PEERS_MAX) throw new Error("sent a bad list of peers");
  return peers.map((peer: unknown) => {
    const [id, addresses] = Array.isArray(peer) ? peer : [];
    if (typeof id !== "string" || !Array.isArray(addresses) || addresses.length > 64) {
      throw new Error("sent a bad list of peers");
    }
    return [id, addresses.filter((address) => isAddressOf(id, address))];
  });
}

/** Nothing of what was sent is quoted. */
function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new Error("sent a list of peers that is not JSON");
  }
}

function isAddressOf(id: NodeId, address: unknown): address is string {
  if (typeof address !== "string" || address.length > 512) return false;
  try {
    multiaddr(address);
    return peerIdOf(address) === id;
  } catch {
    return false;
  }
}

export function decodeCluster(body: Uint8Array): string {
  if (body.byteLength > 512) throw new Error(`sent a cluster id of ${body.byteLength} bytes`);
  return new TextDecoder().decode(body);
}
