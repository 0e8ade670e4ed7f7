/**
 * Cryptography for noise that runs on Bun, Deno and Node. The runtime's own ChaCha20-Poly1305 is several
 * times faster on long messages, but Bun has none and Node's is slow to set up; a WebAssembly one does the
 * rest. The runtime's own key exchange takes a sixth of the time of pure JavaScript's, which anybody who
 * repeats how a friend's connection began can make a node spend.
 */
import { ChaCha20Poly1305, newInstance } from "@chainsafe/as-chacha20poly1305";
import { type ICryptoInterface, pureJsCrypto } from "@chainsafe/libp2p-noise";
import { defaultCrypto } from "@chainsafe/libp2p-noise/crypto";
import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject } from "node:crypto";

const CIPHER = "chacha20-poly1305";
const TAG_BYTES = 16;
/** Measured: from here on the native cipher wins. */
const NATIVE_FROM_BYTES = 512;

const wasm: ChaCha20Poly1305 = new ChaCha20Poly1305(newInstance());

/** Half of what a native cipher costs is its key's setup; noise keeps one array for a connection's key. */
const keyByBytes: WeakMap<Uint8Array, KeyObject> = new WeakMap();

function keyObjectOf(bytes: Uint8Array): KeyObject {
  const known = keyByBytes.get(bytes);
  if (known) return known;
  const key = createSecretKey(bytes);
  keyByBytes.set(bytes, key);
  return key;
}

function sealNative(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, ad: Uint8Array): Uint8Array {
  const cipher = createCipheriv(CIPHER, keyObjectOf(key), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(ad, { plaintextLength: plain.byteLength });
  const body = cipher.update(plain);
  cipher.final();
  const sealed = Buffer.allocUnsafe(plain.byteLength + TAG_BYTES);
  sealed.set(body);
  sealed.set(cipher.getAuthTag(), plain.byteLength);
  return sealed;
}

function openNative(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array {
  const plainBytes = sealed.byteLength - TAG_BYTES;
  if (plainBytes < 0) throw new Error(`Cannot decrypt: ${sealed.byteLength} bytes hold no tag`);
  const decipher = createDecipheriv(CIPHER, keyObjectOf(key), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(ad, { plaintextLength: plainBytes });
  decipher.setAuthTag(sealed.subarray(plainBytes));
  const body = decipher.update(sealed.subarray(0, plainBytes));
  decipher.final();
  return body;
}

function isNativeUsable(): boolean {
  try {
    const [key, nonce, ad] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(4)];
    const plain = new Uint8Array(100).fill(7);
    const sealed = sealNative(key, nonce, plain, ad);
    const other = wasm.open(key, nonce, sealed, ad);
    const back = openNative(key, nonce, sealed, ad);
    return other !== null && Buffer.compare(other, plain) === 0 && Buffer.compare(back, plain) === 0;
  } catch {
    return false;
  }
}

const nativeFromBytes: number = isNativeUsable() ? NATIVE_FROM_BYTES : Infinity;

function isExchangeUsable(): boolean {
  try {
    const [own, other] = [defaultCrypto.generateX25519KeyPair(), pureJsCrypto.generateX25519KeyPair()];
    const shared = defaultCrypto.generateX25519SharedKey(own.privateKey, other.publicKey);
    const same = pureJsCrypto.generateX25519SharedKey(other.privateKey, own.publicKey);
    return Buffer.compare(shared.subarray(), same.subarray()) === 0;
  } catch {
    return false;
  }
}

const { generateX25519KeyPair, generateX25519SharedKey } = isExchangeUsable() ? defaultCrypto : pureJsCrypto;

/** For `noise({ crypto })`. */
export const noiseCrypto: ICryptoInterface = {
  ...pureJsCrypto,
  generateX25519KeyPair,
  generateX25519SharedKey,
  hashSHA256(data) {
    return createHash("sha256").update(data.subarray()).digest();
  },
  chaCha20Poly1305Encrypt(plaintext, nonce, ad, key) {
    const plain = plaintext.subarray();
    if (plain.byteLength >= nativeFromBytes) return sealNative(key, nonce, plain, ad);
    return wasm.seal(key, nonce, plain, ad);
  },
  chaCha20Poly1305Decrypt(ciphertext, nonce, ad, key, dst) {
    const sealed = ciphertext.subarray();
    if (sealed.byteLength >= nativeFromBytes) return openNative(key, nonce, sealed, ad);
    const plain = wasm.open(key, nonce, sealed, ad, dst);
    if (plain === null) throw new Error("Cannot decrypt: the authentication tag is wrong");
    return plain;
  },
};
