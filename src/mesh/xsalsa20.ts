/**
 * XSalsa20 as a stream: each call goes on where the one before has ended, whatever the lengths. All state is
 * one small object, so a connection that is gone leaves nothing behind. After D. J. Bernstein, "Salsa20
 * specification" and "Extending the Salsa20 nonce". It hides, and shows who has the key; that nothing was
 * changed on the way is noise's business.
 */

export const KEY_BYTES = 32;
export const NONCE_BYTES = 24;

const BLOCK_BYTES = 64;
const BLOCK_WORDS = 16;
/** "expand 32-byte k". */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
/** The low word of the number of the next block; the high one follows it. */
const COUNTER_AT = 8;
/** Which words of a hash are the key that an extended nonce is exchanged for. */
const DERIVED = [0, 5, 10, 15, 6, 7, 8, 9] as const;

export class XSalsa20 {
  /** What the next block is the hash of. */
  readonly #state: Int32Array;
  /** The present block of the key stream. */
  readonly #words = new Int32Array(BLOCK_WORDS);
  /** Bytes of it that have been used. */
  #used = BLOCK_BYTES;

  /** The stream from its block of that number on. @throws RangeError unless key and nonce have their lengths */
  constructor(key: Uint8Array, nonce: Uint8Array, block = 0) {
    const first = stateOf(wordsOf(key, KEY_BYTES), wordsOf(nonce, NONCE_BYTES).slice(0, 4));
    hash(first, this.#words);
    const derived = DERIVED.map((at) => this.#words[at]! - first[at]!);
    const counter = [block % 2 ** 32, Math.floor(block / 2 ** 32)];
    this.#state = stateOf(derived, [...wordsOf(nonce, NONCE_BYTES).slice(4), ...counter]);
  }

  /** A new array: the next bytes in the clear if they were hidden, hidden if they were in the clear. */
  update(data: Uint8Array): Uint8Array {
    const result = new Uint8Array(data.length);
    const words = this.#words;
    let used = this.#used;
    for (let at = 0; at < data.length;) {
      if (used === BLOCK_BYTES) used = this.#next();
      const word = words[used >> 2]!;
      if ((used & 3) === 0 && at + 4 <= data.length) {
        result[at] = data[at]! ^ word;
        result[at + 1] = data[at + 1]! ^ (word >>> 8);
        result[at + 2] = data[at + 2]! ^ (word >>> 16);
        result[at + 3] = data[at + 3]! ^ (word >>> 24);
        at += 4, used += 4;
      } else {
        result[at] = data[at]! ^ (word >>> 8 * (used & 3));
        at += 1, used += 1;
      }
    }
    this.#used = used;
    return result;
  }

  #next(): 0 {
    const state = this.#state;
    hash(state, this.#words);
    // 64 bits: a link may carry more than the 256 GiB that 32 are enough for
    state[COUNTER_AT]! += 1;
    if (state[COUNTER_AT] === 0) state[COUNTER_AT + 1]! += 1;
    return 0;
  }
}

function wordsOf(bytes: Uint8Array, count: number): readonly number[] {
  if (bytes.length !== count) {
    throw new RangeError(`Cannot cipher: needs ${count} bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, count);
  return Array.from({ length: count / 4 }, (_, i) => view.getInt32(4 * i, true));
}

/** Eight words of the key around four of the nonce, and the constants on the diagonal. */
function stateOf(key: readonly number[], input: readonly number[]): Int32Array {
  const [a, b, c, d] = SIGMA;
  return Int32Array.of(a, ...key.slice(0, 4), b, ...input, c, ...key.slice(4), d);
}

/** Twenty rounds, two at a time: down the columns, then along the rows. The result is added to the input. */
function hash(input: Int32Array, output: Int32Array): void {
  let x0 = input[0]!, x1 = input[1]!, x2 = input[2]!, x3 = input[3]!;
  let x4 = input[4]!, x5 = input[5]!, x6 = input[6]!, x7 = input[7]!;
  let x8 = input[8]!, x9 = input[9]!, x10 = input[10]!, x11 = input[11]!;
  let x12 = input[12]!, x13 = input[13]!, x14 = input[14]!, x15 = input[15]!;
  for (let round = 0; round < 20; round += 2) {
    x4 ^= turned(x0, x12, 7), x8 ^= turned(x4, x0, 9);
    x12 ^= turned(x8, x4, 13), x0 ^= turned(x12, x8, 18);
    x9 ^= turned(x5, x1, 7), x13 ^= turned(x9, x5, 9);
    x1 ^= turned(x13, x9, 13), x5 ^= turned(x1, x13, 18);
    x14 ^= turned(x10, x6, 7), x2 ^= turned(x14, x10, 9);
    x6 ^= turned(x2, x14, 13), x10 ^= turned(x6, x2, 18);
    x3 ^= turned(x15, x11, 7), x7 ^= turned(x3, x15, 9);
    x11 ^= turned(x7, x3, 13), x15 ^= turned(x11, x7, 18);
    x1 ^= turned(x0, x3, 7), x2 ^= turned(x1, x0, 9);
    x3 ^= turned(x2, x1, 13), x0 ^= turned(x3, x2, 18);
    x6 ^= turned(x5, x4, 7), x7 ^= turned(x6, x5, 9);
    x4 ^= turned(x7, x6, 13), x5 ^= turned(x4, x7, 18);
    x11 ^= turned(x10, x9, 7), x8 ^= turned(x11, x10, 9);
    x9 ^= turned(x8, x11, 13), x10 ^= turned(x9, x8, 18);
    x12 ^= turned(x15, x14, 7), x13 ^= turned(x12, x15, 9);
    x14 ^= turned(x13, x12, 13), x15 ^= turned(x14, x13, 18);
  }
  output[0] = x0 + input[0]!, output[1] = x1 + input[1]!;
  output[2] = x2 + input[2]!, output[3] = x3 + input[3]!;
  output[4] = x4 + input[4]!, output[5] = x5 + input[5]!;
  output[6] = x6 + input[6]!, output[7] = x7 + input[7]!;
  output[8] = x8 + input[8]!, output[9] = x9 + input[9]!;
  output[10] = x10 + input[10]!, output[11] = x11 + input[11]!;
  output[12] = x12 + input[12]!, output[13] = x13 + input[13]!;
  output[14] = x14 + input[14]!, output[15] = x15 + input[15]!;
}

/** The sum, its bits rotated to the left. */
function turned(a: number, b: number, bits: number): number {
  const sum = (a + b) | 0;
  return (sum << bits) | (sum >>> (32 - bits));
}
