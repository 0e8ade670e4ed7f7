/** Makes the key that is a node's identity, as the bytes that createMesh takes and a store keeps. */
import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";

/** A new Ed25519 key in libp2p's protobuf form. */
export async function makePrivateKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair("Ed25519"));
}
