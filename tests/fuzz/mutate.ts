/** Bytes that are nearly right: the most dangerous kind. */
import type { Rng } from "../../src/testing/rng.ts";

/** What lengths and counts look like when somebody means harm. */
const HARMFUL: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0x7f, 0xff, 0xff, 0xff],
  [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x00, 0x00, 0x00, 0x00],
];
const RANDOM_BYTES_MAX = 600;

/** One of the recordings with some changes, a splice of two, or garbage. */
export function mutated(rng: Rng, corpus: readonly Uint8Array[]): Uint8Array {
  if (corpus.length === 0 || rng.chance(0.05)) return randomBytes(rng, rng.int(RANDOM_BYTES_MAX));
  let bytes: Uint8Array = rng.pick(corpus).slice();
  for (let changes = 1 + rng.int(4); changes > 0; changes--) bytes = changed(rng, bytes, corpus);
  return bytes;
}

function changed(rng: Rng, bytes: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  const at = rng.int(bytes.length + 1);
  switch (rng.int(7)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return joined(bytes.subarray(0, at), randomBytes(rng, 1 + rng.int(8)), bytes.subarray(at));
    case 2:
      return joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + rng.int(8))));
    case 3: {
      const harm = Uint8Array.from(rng.pick(HARMFUL));
      return joined(bytes.subarray(0, at), harm, bytes.subarray(Math.min(bytes.length, at + harm.length)));
    }
    case 4: {
      const other = rng.pick(corpus);
      return joined(bytes.subarray(0, at), other.subarray(rng.int(other.length + 1)));
    }
    default: {
      const copy = bytes.slice();
      if (at < copy.length) copy[at] = rng.chance(0.5) ? copy[at]! ^ (1 << rng.int(8)) : rng.int(256);
      return copy;
    }
  }
}

function randomBytes(rng: Rng, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => rng.int(256));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
