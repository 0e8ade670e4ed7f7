/**
 * The strict reader of the wire format: whatever has no place in it, or another encoding than the writer's,
 * is a ProtocolError. Nothing is allocated for a length before so many bytes are known to be there.
 */
import { copyBytes, EMPTY_BYTES, type Place, placeBytes, viewBytes } from "./slab.ts";
import { MS_MIN, ProtocolError } from "./wire.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const FLOAT = new DataView(new ArrayBuffer(8));
/** Up to here a text is made from its codes; longer ones are quicker through the decoder. */
const SHORT_TEXT_BYTES = 24;
/** One array per length, refilled for every text: `String.fromCharCode` makes a flat string of it. */
const CODES: readonly number[][] = Array.from(
  { length: SHORT_TEXT_BYTES + 1 },
  (_, n) => new Array(n).fill(0),
);
/** Names and ids come again and again: the last ones are found by their bytes. */
const TEXT_SLOTS = 32_768;
const texts: string[] = new Array(TEXT_SLOTS).fill("");
/** So many bytes at either end choose the slot. */
const HASHED_BYTES = 6;

/** Made to be used again after `reset`. */
export class Reader {
  #bytes: Uint8Array = EMPTY_BYTES;
  #start = 0;
  #at = 0;
  #end = 0;
  #what = "";

  /** Begins at the first of `bytes`, or of the part told; `what` names it in errors. Returns itself. */
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
    const slot = this.#slotOf(start, length);
    const known = texts[slot]!;
    return this.#isTextAt(start, known, length) ? known : texts[slot] = this.#textAt(start, length);
  }

  #slotOf(start: number, length: number): number {
    const bytes = this.#bytes;
    let hash = length;
    const count = Math.min(length, HASHED_BYTES);
    for (let i = 0; i < count; i++) hash = (Math.imul(hash, 31) + bytes[start + i]!) | 0;
    for (let i = 1; i <= count; i++) hash = (Math.imul(hash, 31) + bytes[start + length - i]!) | 0;
    return (hash ^ (hash >>> 15)) & (TEXT_SLOTS - 1);
  }

  /** The bytes there are those of that text; only ASCII is compared. */
  #isTextAt(start: number, text: string, length: number): boolean {
    if (text.length !== length) return false;
    const bytes = this.#bytes;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const byte = bytes[start + i]!;
      if (text.charCodeAt(i) !== byte) return false;
      all |= byte;
    }
    return all < 0x80;
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
