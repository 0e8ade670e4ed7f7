/**
 * XSalsa20 as a stream: each call goes on where the one before has ended, whatever the lengths. All state is
 * one small object, so a connection that is gone leaves nothing behind. After D. J. Bernstein, "Salsa20
 * specification" and "Extending the Salsa20 nonce". It hides, and shows who has the key; that nothing was
 * changed on the way is noise's business.
 */

export const KEY_BYTES = 32;
export const NONCE_BYTES = 24;

const WORD_BYTES = 4;
const BLOCK_WORDS = 16;
const BLOCK_BYTES = BLOCK_WORDS * WORD_BYTES;
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

  /** The stream from its block of that number on. @throws RangeError for another length of key or nonce */
  constructor(key: Uint8Array, nonce: Uint8Array, block = 0) {
    const first = stateOf(wordsOf(key, KEY_BYTES), wordsOf(nonce, NONCE_BYTES).slice(0, 4));
    hash(first, this.#words);
    const derived = DERIVED.map((at) => this.#words[at]! - first[at]!);
    const counter = [block % 2 ** 32, Math.floor(block / 2 ** 32)];
    this.#state = stateOf(derived, [...wordsOf(nonce, NONCE_BYTES).slice(4), ...counter]);
  }

  /** A new array: the next bytes in the clear if they were hidden, hidden if they were in the clear. */
  update(data: Uint8Array): Uint8Array {
    // where a word of the key stream begins, one of the result does
    const skew = this.#used % WORD_BYTES;
    const end = skew + data.length;
    const wordCount = Math.ceil(end / WORD_BYTES);
    const view = new DataView(new ArrayBuffer(wordCount * WORD_BYTES));
    const result = new Uint8Array(view.buffer, skew, data.length);
    result.set(data);
    const words = this.#words;
    let next = (this.#used - skew) / WORD_BYTES;
    for (let at = 0; at < wordCount;) {
      if (next === BLOCK_WORDS) next = this.#next();
      const stop = Math.min(wordCount, at + BLOCK_WORDS - next);
      for (; at < stop; at++, next++) {
        view.setInt32(WORD_BYTES * at, view.getInt32(WORD_BYTES * at, true) ^ words[next]!, true);
      }
    }
    this.#used = WORD_BYTES * (next - wordCount) + end;
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

/**
 * Twenty rounds, two at a time: down the columns, then along the rows. The result is added to the input.
 * Written out: calls of a rotation are more than V8 puts in line, and half of the speed.
 */
function hash(input: Int32Array, output: Int32Array): void {
  let x0 = input[0]!, x1 = input[1]!, x2 = input[2]!, x3 = input[3]!;
  let x4 = input[4]!, x5 = input[5]!, x6 = input[6]!, x7 = input[7]!;
  let x8 = input[8]!, x9 = input[9]!, x10 = input[10]!, x11 = input[11]!;
  let x12 = input[12]!, x13 = input[13]!, x14 = input[14]!, x15 = input[15]!;
  let u = 0;
  for (let round = 0; round < 20; round += 2) {
    u = (x0 + x12) | 0, x4 ^= (u << 7) | (u >>> 25), u = (x4 + x0) | 0, x8 ^= (u << 9) | (u >>> 23);
    u = (x8 + x4) | 0, x12 ^= (u << 13) | (u >>> 19), u = (x12 + x8) | 0, x0 ^= (u << 18) | (u >>> 14);
    u = (x5 + x1) | 0, x9 ^= (u << 7) | (u >>> 25), u = (x9 + x5) | 0, x13 ^= (u << 9) | (u >>> 23);
    u = (x13 + x9) | 0, x1 ^= (u << 13) | (u >>> 19), u = (x1 + x13) | 0, x5 ^= (u << 18) | (u >>> 14);
    u = (x10 + x6) | 0, x14 ^= (u << 7) | (u >>> 25), u = (x14 + x10) | 0, x2 ^= (u << 9) | (u >>> 23);
    u = (x2 + x14) | 0, x6 ^= (u << 13) | (u >>> 19), u = (x6 + x2) | 0, x10 ^= (u << 18) | (u >>> 14);
    u = (x15 + x11) | 0, x3 ^= (u << 7) | (u >>> 25), u = (x3 + x15) | 0, x7 ^= (u << 9) | (u >>> 23);
    u = (x7 + x3) | 0, x11 ^= (u << 13) | (u >>> 19), u = (x11 + x7) | 0, x15 ^= (u << 18) | (u >>> 14);
    u = (x0 + x3) | 0, x1 ^= (u << 7) | (u >>> 25), u = (x1 + x0) | 0, x2 ^= (u << 9) | (u >>> 23);
    u = (x2 + x1) | 0, x3 ^= (u << 13) | (u >>> 19), u = (x3 + x2) | 0, x0 ^= (u << 18) | (u >>> 14);
    u = (x5 + x4) | 0, x6 ^= (u << 7) | (u >>> 25), u = (x6 + x5) | 0, x7 ^= (u << 9) | (u >>> 23);
    u = (x7 + x6) | 0, x4 ^= (u << 13) | (u >>> 19), u = (x4 + x7) | 0, x5 ^= (u << 18) | (u >>> 14);
    u = (x10 + x9) | 0, x11 ^= (u << 7) | (u >>> 25), u = (x11 + x10) | 0, x8 ^= (u << 9) | (u >>> 23);
    u = (x8 + x11) | 0, x9 ^= (u << 13) | (u >>> 19), u = (x9 + x8) | 0, x10 ^= (u << 18) | (u >>> 14);
    u = (x15 + x14) | 0, x12 ^= (u << 7) | (u >>> 25), u = (x12 + x15) | 0, x13 ^= (u << 9) | (u >>> 23);
    u = (x13 + x12) | 0, x14 ^= (u << 13) | (u >>> 19), u = (x14 + x13) | 0, x15 ^= (u << 18) | (u >>> 14);
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
