/** The runtime's own key exchange beside pure JavaScript's: the same keys, and as strict. */
import { pureJsCrypto } from "@chainsafe/libp2p-noise";
import { expect, test } from "bun:test";
import { noiseCrypto } from "../../../src/mesh/noise-crypto.ts";

const hexOf = (bytes: { subarray(): Uint8Array }): string => Buffer.from(bytes.subarray()).toString("hex");

test("keys are exchanged with whoever does it in pure JavaScript", () => {
  for (let round = 0; round < 20; round++) {
    const [own, other] = [noiseCrypto.generateX25519KeyPair(), pureJsCrypto.generateX25519KeyPair()];
    const shared = hexOf(noiseCrypto.generateX25519SharedKey(own.privateKey, other.publicKey));
    expect(shared).toBe(hexOf(pureJsCrypto.generateX25519SharedKey(other.privateKey, own.publicKey)));
    expect(shared).toHaveLength(64);
  }
});

test("a public key that leads to a key which anybody knows is refused, as is one of another length", () => {
  const { privateKey } = noiseCrypto.generateX25519KeyPair();
  for (const bytes of [new Uint8Array(32), new Uint8Array(32).fill(1, 0, 1), new Uint8Array(31)]) {
    expect(() => pureJsCrypto.generateX25519SharedKey(privateKey, bytes)).toThrow();
    expect(() => noiseCrypto.generateX25519SharedKey(privateKey, bytes)).toThrow();
  }
});

test("an exchange costs a fraction of what it does in pure JavaScript", () => {
  const cpuOf = ({ generateX25519KeyPair, generateX25519SharedKey }: typeof pureJsCrypto): number => {
    const [own, other] = [generateX25519KeyPair(), generateX25519KeyPair()];
    const start = process.cpuUsage();
    for (let time = 0; time < 200; time++) generateX25519SharedKey(own.privateKey, other.publicKey);
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  cpuOf(pureJsCrypto);
  expect(cpuOf(noiseCrypto)).toBeLessThan(cpuOf(pureJsCrypto) / 2);
});
