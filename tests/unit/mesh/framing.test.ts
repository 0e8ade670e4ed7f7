/** Framing agrees with it-length-prefixed, wherever the stream is cut. */
import { expect, test } from "bun:test";
import { encode } from "it-length-prefixed";
import { encodePrefix, FrameReader } from "../../../src/mesh/framing.ts";

test("a stream cut anywhere yields the same messages", () => {
  const messages = [1, 127, 128, 300, 16_384].map((bytes) => new Uint8Array(bytes).fill(bytes & 255));
  const stream = Buffer.concat(messages.map((message) => encode.single(message).subarray()));
  for (const step of [1, 2, 3, 100, 5000, stream.byteLength]) {
    const read: Uint8Array[] = [];
    const reader = new FrameReader(() => 16_384, (message) => read.push(message.slice()));
    for (let at = 0; at < stream.byteLength; at += step) reader.push(stream.subarray(at, at + step));
    expect(read).toEqual(messages);
  }
});

test("a prefix is the varint length and then the first byte", () => {
  for (const bytes of [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const expected = encode.single(new Uint8Array(bytes)).subarray().subarray(0, -bytes);
    expect([...encodePrefix(bytes, 9)]).toEqual([...expected, 9]);
  }
});

test("a message longer than allowed is refused before its bytes arrive", () => {
  const reader = new FrameReader(() => 1000, () => {});
  expect(() => reader.push(Uint8Array.of(0xe9, 0x07))).toThrow("a message of 1001 bytes is longer than 1000");
});
