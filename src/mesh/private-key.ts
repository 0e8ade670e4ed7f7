/** Makes the key that is a node's identity, as the bytes that createMesh takes and a store keeps. */
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import type { NodeId } from "../protocol/model/types.ts";

/** A new Ed25519 key in libp2p's protobuf form: keep it to be the same client again. */
export async function makePrivateKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair("Ed25519"));
}

/** The peer id of the node or client with that key. */
export function nodeIdOf(privateKey: Uint8Array): NodeId {
  return privateKeyFromProtobuf(privateKey).publicKey.toString();
}
