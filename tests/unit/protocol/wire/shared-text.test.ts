/** Texts that are read again are found by their bytes: none may be taken for another. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Reader } from "../../../../src/protocol/wire/reader.ts";

const BYTES_MAX = 256;

/** Each text as the wire has it: its length, then its bytes. */
function bytesOf(texts: readonly string[]): Uint8Array {
  return Uint8Array.from(texts.flatMap((text) => {
    const bytes = [...new TextEncoder().encode(text)];
    return bytes.length < 0x80 ? [bytes.length, ...bytes] : [bytes.length & 0x7f | 0x80, 1, ...bytes];
  }));
}

function read(texts: readonly string[]): string[] {
  const reader = new Reader().reset(bytesOf(texts), "texts");
  const got = texts.map(() => reader.sharedText(BYTES_MAX));
  reader.finish();
  return got;
}

test("what is read is what was written, of any length and in any script, again and again", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 });
  fc.assert(fc.property(fc.array(text, { maxLength: 20 }), (some) => {
    const texts = [...some, ...some, ...some.toReversed()].filter((each) =>
      new TextEncoder().encode(each).length < 200
    );
    expect(read(texts)).toEqual(texts);
  }));
});

test("texts that differ only where nothing is hashed, and so belong to one set, are distinguished", () => {
  const texts = Array.from("abcdefgh", (letter) => `0000-${letter}-000000000-0000000000`);
  expect(read([...texts, ...texts.toReversed(), ...texts])).toEqual([
    ...texts,
    ...texts.toReversed(),
    ...texts,
  ]);
});

test("texts at the edge of what is kept are read in full", () => {
  const texts = [62, 63, 64, 65, 127, 128, 200].map((length) => "x".repeat(length));
  expect(read([...texts, ...texts])).toEqual([...texts, ...texts]);
});

test("bytes that are no text are refused, and so are they the second time", () => {
  for (let i = 0; i < 2; i++) {
    const reader = new Reader().reset(Uint8Array.of(2, 0xff, 0xfe), "texts");
    expect(() => reader.sharedText(BYTES_MAX)).toThrow("UTF-8");
  }
});
