/**
 * The strict reader of the wire format: whatever has no place in it, or another encoding than the writer's,
 * is a ProtocolError. Nothing is allocated for a length before so many bytes are known to be there.
 */
import { copyBytes, copyPart, EMPTY_BYTES, type Place, placeBytes, viewBytes } from "./slab.ts";
import { MS_MIN, ProtocolError } from "./writer.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const FLOAT = new DataView(new ArrayBuffer(8));
/** Up to here a text is made from its codes; longer ones are quicker through the decoder. */
const SHORT_TEXT_BYTES = 24;
/** One array per length, refilled for every text: `String.fromCharCode` makes a flat string of it. */
const CODES: readonly number[][] = Array.from(
  { length: SHORT_TEXT_BYTES + 1 },
  (_, n) => new Array(n).fill(0),
);
/**
 * Names and ids come again and again: the last ones are found by their bytes. A text is in one of the two
 * slots of its set, and the next one there goes to the other.
 */
const TEXT_SETS = 16_384;
const texts: string[] = new Array(2 * TEXT_SETS).fill("");
const nextInSet = new Uint8Array(TEXT_SETS);
/** Of each text its length and its bytes: comparing with a string takes longer. */
const SLOT_BYTES = 64;
const textBytes = new Uint8Array(texts.length * SLOT_BYTES);

/** Made to be used again after `reset`. */
export class Reader {
  #bytes: Uint8Array = EMPTY_BYTES;
  #start = 0;
  #at = 0;
  #end = 0;
  #what = "";

  /** Begins at the first of `bytes`, or of the part given; `what` names it in errors. Returns itself. */
  reset(bytes: Uint8Array, what: string, start: number = 0, length: number = bytes.length): this {
    this.#bytes = bytes;
    this.#at = this.#start = start;
    this.#end = start + length;
    this.#what = what;
    return this;
  }

  /** From here on errors name this. */
  describe(what: string): void {
    this.#what = what;
  }

  /** Lets go of the bytes. */
  release(): void {
    this.#bytes = EMPTY_BYTES;
    this.#at = this.#start = this.#end = 0;
  }

  fail(problem: string): never {
    throw new ProtocolError(this.#what, problem, this.#at - this.#start);
  }

  finish(): void {
    const rest = this.#end - this.#at;
    if (rest > 0) this.fail(`must end here, got ${rest} more bytes`);
  }

  u8(): number {
    if (this.#at >= this.#end) this.fail("must go on, got the end");
    return this.#bytes[this.#at++]!;
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) this.#failBack(`a flag must be 0 or 1, got ${value}`);
    return value === 1;
  }

  u32(): number {
    let value = 0;
    for (let i = 0; i < 4; i++) value = value * 256 + this.u8();
    return value;
  }

  uint(): number {
    if (this.#at < this.#end) {
      const first = this.#bytes[this.#at]!;
      if (first < 0x80) {
        this.#at++;
        return first;
      }
    }
    return this.#longUint();
  }

  #longUint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 1; length <= 8; length++, scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (byte === 0) {
        this.#failBack("a number must be written in as few bytes as possible, got a last byte of 0");
      }
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    return this.#failBack("a number must be below 2^53, got a larger one");
  }

  upTo(max: number): number {
    const value = this.uint();
    if (value > max) this.fail(`a number must be at most ${max}, got ${value}`);
    return value;
  }

  /** Length of a list whose items take at least one byte each. */
  count(max: number): number {
    const value = this.uint();
    if (value > max) this.fail(`a list must have at most ${max} items, got ${value}`);
    const rest = this.#end - this.#at;
    if (value > rest) this.fail(`a list of ${value} items must go on, got ${rest} bytes`);
    return value;
  }

  ms(): number {
    if (this.#at < this.#end && this.#bytes[this.#at] === 0) {
      this.#at++;
      return 0;
    }
    if (this.#at + 8 > this.#end) this.fail("a time must have 8 bytes, got the end");
    for (let i = 0; i < 8; i++) FLOAT.setUint8(i, this.#bytes[this.#at + i]!);
    const value = FLOAT.getFloat64(0);
    if (!(value >= MS_MIN && value < Infinity)) this.fail(`a time must be finite and >= 0, got ${value}`);
    this.#at += 8;
    return value;
  }

  text(bytesMax: number): string {
    const length = this.#length(bytesMax);
    const start = this.#at;
    this.#at = start + length;
    return this.#textAt(start, length);
  }

  /** A name or an id, which comes again: most likely the same string object, which maps find sooner. */
  sharedText(bytesMax: number): string {
    const length = this.#length(bytesMax);
    const start = this.#at;
    this.#at = start + length;
    if (length >= SLOT_BYTES) return this.#textAt(start, length);
    const first = 2 * this.#setOf(start, length);
    if (this.#isAt(first, start, length)) return texts[first]!;
    if (this.#isAt(first + 1, start, length)) return texts[first + 1]!;
    return this.#keep(first, start, length);
  }

  /** Of the length and four bytes at either end and in the middle, mixed as MurmurHash3 ends. */
  #setOf(start: number, length: number): number {
    let hash = length;
    if (length >= 4) {
      hash ^= Math.imul(this.#wordAt(start), 0x9e3779b1);
      hash ^= Math.imul(this.#wordAt(start + (length >> 1) - 2), 0x85ebca6b);
      hash ^= Math.imul(this.#wordAt(start + length - 4), 0xc2b2ae35);
    } else {
      for (let i = 0; i < length; i++) hash = (hash << 8) | this.#bytes[start + i]!;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (TEXT_SETS - 1);
  }

  #wordAt(at: number): number {
    const bytes = this.#bytes;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  #isAt(slot: number, start: number, length: number): boolean {
    const bytes = this.#bytes;
    let at = slot * SLOT_BYTES;
    if (textBytes[at] !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== textBytes[++at]) return false;
    return true;
  }

  #keep(first: number, start: number, length: number): string {
    const text = this.#textAt(start, length);
    const slot = first + nextInSet[first >> 1]!;
    nextInSet[first >> 1]! ^= 1;
    texts[slot] = text;
    textBytes[slot * SLOT_BYTES] = length;
    copyPart(this.#bytes, start, length, textBytes, slot * SLOT_BYTES + 1);
    return text;
  }

  #textAt(start: number, length: number): string {
    const bytes = this.#bytes;
    if (length <= SHORT_TEXT_BYTES) {
      const codes = CODES[length]!;
      let all = 0;
      for (let i = 0; i < length; i++) all |= codes[i] = bytes[start + i]!;
      if (all < 0x80) return String.fromCharCode.apply(null, codes);
    }
    try {
      return DECODER.decode(viewBytes(bytes, start, length));
    } catch {
      return this.#failBack("a text must be UTF-8, got other bytes", length);
    }
  }

  /** A window onto what is being read, and as long-lived. */
  view(bytesMax: number): Uint8Array {
    const length = this.#length(bytesMax);
    this.#at += length;
    return viewBytes(this.#bytes, this.#at - length, length);
  }

  /** A copy, for what is kept. */
  copy(bytesMax: number): Uint8Array {
    const length = this.#length(bytesMax);
    this.#at += length;
    return copyBytes(this.#bytes, this.#at - length, this.#at);
  }

  /** A copy that is no array yet. */
  place(bytesMax: number): Place {
    const length = this.#length(bytesMax);
    this.#at += length;
    return placeBytes(this.#bytes, this.#at - length, this.#at);
  }

  viewOrNull(bytesMax: number): Uint8Array | null {
    const length = this.#optionalLength(bytesMax);
    if (length < 0) return null;
    this.#at += length;
    return viewBytes(this.#bytes, this.#at - length, length);
  }

  copyOrNull(bytesMax: number): Uint8Array | null {
    const length = this.#optionalLength(bytesMax);
    if (length < 0) return null;
    this.#at += length;
    return copyBytes(this.#bytes, this.#at - length, this.#at);
  }

  oneOf<T>(values: readonly T[]): T {
    const index = this.u8();
    if (index >= values.length) this.#failBack(`a choice must be below ${values.length}, got ${index}`);
    return values[index]!;
  }

  #length(max: number): number {
    const length = this.uint();
    if (length > max) this.fail(`a length must be at most ${max}, got ${length}`);
    const rest = this.#end - this.#at;
    if (length > rest) this.fail(`${length} bytes must follow, got ${rest}`);
    return length;
  }

  /** -1 for null. */
  #optionalLength(max: number): number {
    const length = this.uint() - 1;
    if (length > max) this.fail(`a length must be at most ${max}, got ${length}`);
    const rest = this.#end - this.#at;
    if (length > rest) this.fail(`${length} bytes must follow, got ${rest}`);
    return length;
  }

  /** Points at the last bytes read instead of the next one. */
  #failBack(problem: string, length = 1): never {
    this.#at -= length;
    return this.fail(problem);
  }
}
