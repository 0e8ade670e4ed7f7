/** XSalsa20 gives the bytes of NaCl's own test vectors, in pieces of any length. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { XSalsa20 } from "../../../src/mesh/xsalsa20.ts";

/** "firstkey" and "nonce" of Bernstein's "Cryptography in NaCl", and of the tests of the NaCl library. */
const KEY = Buffer.from("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389", "hex");
const NONCE = Buffer.from("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37", "hex");

const streamOf = (bytes: number, block = 0): Buffer =>
  Buffer.from(new XSalsa20(KEY, NONCE, block).update(new Uint8Array(bytes)));

test("the stream begins as in NaCl's paper", () => {
  expect(streamOf(32).toString("hex")).toBe(
    "eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880",
  );
});

test("four megabytes of it have the hash that NaCl's tests print", () => {
  expect(createHash("sha256").update(streamOf(4_194_304)).digest("hex")).toBe(
    "662b9d0e3463029156069b12f918691a98f7dfb2ca0393c96bbfc6b1fbd630a2",
  );
});

test("the stream goes on beyond 256 GiB, where 32 bits of counter end", () => {
  // made with the package xsalsa20, its counter set
  expect(streamOf(128, 2 ** 32 - 1).toString("hex")).toBe(
    "b46af0bf761b78533e01a0dd7e07216c9710ef35f09a28d1e5fa469b602472ca" +
      "5085f6dbcc6a6b51fb89986f8feca85658d05701f5677d0bb340a1f2c7695472" +
      "19f5420c62ffff7d1304dad82b6dec2bdc59ec12a9e18a774eed128c2c90610a" +
      "9d4c75c0817d64817a76bbc12746971ae897af210a072c1bc9fb044e086b7bfe",
  );
});

test("pieces of any length give the same bytes as all at once, and these can be revealed again", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 });
  fc.assert(fc.property(pieces, (data) => {
    const hiding = new XSalsa20(KEY, NONCE);
    const hidden = Buffer.concat(data.map((piece) => hiding.update(piece)));
    const whole = Buffer.concat(data);
    expect(hidden).toEqual(Buffer.from(new XSalsa20(KEY, NONCE).update(whole)));
    expect(Buffer.from(new XSalsa20(KEY, NONCE).update(hidden))).toEqual(whole);
  }));
});

test("a view into a larger buffer is read where it lies, and left as it is", () => {
  const large = Buffer.alloc(300, 7);
  const view = large.subarray(3, 203);
  const hidden = new XSalsa20(KEY, NONCE).update(view);
  expect(Buffer.from(hidden)).toEqual(Buffer.from(streamOf(200).map((byte) => byte ^ 7)));
  expect(large.every((byte) => byte === 7)).toBe(true);
});

test("a key or nonce of another length is refused", () => {
  expect(() => new XSalsa20(KEY.subarray(1), NONCE)).toThrow("needs 32 bytes, got 31");
  expect(() => new XSalsa20(KEY, KEY)).toThrow("needs 24 bytes, got 32");
});
