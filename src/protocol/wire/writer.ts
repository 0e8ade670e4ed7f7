/**
 * The words of the wire format, as a writer and its errors; the strict reader is reader.ts. Numbers
 * are minimal LEB128 varints up to 2^53 - 1, times are floats, texts strict UTF-8; every value has exactly
 * one encoding. What the bytes mean is the codecs' business.
 */
import { copyBytes, type Place, placeBytes } from "./slab.ts";

/** Bytes that the protocol does not allow: where they are and what is wrong with them. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** What was being decoded, for instance "append message". */
  readonly what: string;
  /** Offset of the offending byte in what was being decoded. */
  readonly at: number;

  constructor(what: string, problem: string, at: number) {
    super(`Cannot decode ${what}: ${problem} at byte ${at}`);
    this.what = what;
    this.at = at;
  }
}

/** Something longer than a list or a frame may be: several frames can carry it. */
export class SizeError extends RangeError {
  override readonly name = "SizeError";
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const FLOAT = new DataView(new ArrayBuffer(8));
/** Times below are zero: their first byte would be too. */
export const MS_MIN: number = 1e-300;
const LOOP_CHARS_MAX = 256;
const INITIAL_BYTES = 1024;
/** A writer that is used again keeps no more than this. */
const KEPT_BYTES_MAX = 1_048_576;

/** The text cut to at most so many bytes of UTF-8, between characters, lone surrogates replaced. */
export function clipText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax && text.isWellFormed()) return text;
  const bytes = ENCODER.encode(text.slice(0, bytesMax));
  let end = Math.min(bytes.length, bytesMax);
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
  return DECODER.decode(bytes.subarray(0, end));
}

/** Bytes as UTF-8. */
export function byteLength(text: string): number {
  return ENCODER.encode(text).length;
}

/** Grows as needed up to `bytesMax`; made to be used again after `reset`. */
export class Writer {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #at = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#at;
  }

  reset(): void {
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = new Uint8Array(INITIAL_BYTES);
    this.#at = 0;
  }

  /** Forgets what was written after the first `length` bytes. */
  truncate(length: number): void {
    this.#at = length;
  }

  /** What was written, in a buffer of its own. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** What was written, perhaps in a buffer shared with other short ones. */
  toSharedBytes(): Uint8Array {
    return copyBytes(this.#bytes, 0, this.#at);
  }

  /** As `toSharedBytes`, but no array yet. */
  toPlace(): Place {
    return placeBytes(this.#bytes, 0, this.#at);
  }

  u8(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  /** Fixed width, so that it can be patched. */
  u32At(offset: number, value: number): void {
    for (let i = 0; i < 4; i++) this.#bytes[offset + i] = value >>> (24 - 8 * i);
  }

  uint(value: number): void {
    if ((value & 0x7f) === value) {
      if (this.#at === this.#bytes.length) this.#grow(1);
      this.#bytes[this.#at++] = value;
    } else {
      this.#longUint(value);
    }
  }

  #longUint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot encode a number: must be an integer from 0 to 2^53 - 1, got ${value}`);
    }
    if (this.#at + 8 > this.#bytes.length) this.#grow(8);
    let at = this.#at;
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#bytes[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at++] = rest;
    this.#at = at;
  }

  upTo(max: number, value: number): void {
    if (value > max) throw new RangeError(`Cannot encode a number: must be at most ${max}, got ${value}`);
    this.uint(value);
  }

  /** Length of a list. */
  count(max: number, value: number): void {
    if (value > max) {
      throw new SizeError(`Cannot encode a list: must have at most ${max} items, got ${value}`);
    }
    this.uint(value);
  }

  /** A time or duration in ms, >= 0 and finite: one byte if zero, else eight, whose first is not zero. */
  ms(value: number): void {
    if (!(value >= 0 && value < Infinity)) {
      throw new RangeError(`Cannot encode a time: must be finite and >= 0, got ${value}`);
    }
    if (value < MS_MIN) return this.u8(0);
    if (this.#at + 8 > this.#bytes.length) this.#grow(8);
    FLOAT.setFloat64(0, value);
    for (let i = 0; i < 8; i++) this.#bytes[this.#at + i] = FLOAT.getUint8(i);
    this.#at += 8;
  }

  text(bytesMax: number, value: string): void {
    const length = value.length;
    if (length > bytesMax) throw textTooLong(bytesMax, length);
    if (length > LOOP_CHARS_MAX) return this.#longText(bytesMax, value);
    if (this.#at + 2 + length > this.#bytes.length) this.#grow(2 + length);
    const start = this.#at;
    const bytes = this.#bytes;
    let at = start;
    if (length > 0x7f) bytes[at++] = (length & 0x7f) | 0x80;
    bytes[at++] = length > 0x7f ? length >>> 7 : length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return this.#longText(bytesMax, value);
      bytes[at++] = code;
    }
    this.#at = at;
  }

  #longText(bytesMax: number, value: string): void {
    if (!value.isWellFormed()) {
      throw new RangeError(
        `Cannot encode a text: has half of a surrogate pair, got ${JSON.stringify(value)}`,
      );
    }
    const bytes = ENCODER.encode(value);
    if (bytes.length > bytesMax) throw textTooLong(bytesMax, bytes.length);
    this.uint(bytes.length);
    this.raw(bytes);
  }

  bytes(bytesMax: number, value: Uint8Array): void {
    checkLength(bytesMax, value.length);
    this.uint(value.length);
    this.raw(value);
  }

  /** As `bytes`, of something that is no array. */
  part(
    bytesMax: number,
    part: { readonly length: number; copyTo(target: Uint8Array, at: number): void },
  ): void {
    const { length } = part;
    checkLength(bytesMax, length);
    this.uint(length);
    if (this.#at + length > this.#bytes.length) this.#grow(length);
    part.copyTo(this.#bytes, this.#at);
    this.#at += length;
  }

  bytesOrNull(bytesMax: number, value: Uint8Array | null): void {
    if (value === null) return this.u8(0);
    checkLength(bytesMax, value.length);
    this.uint(value.length + 1);
    this.raw(value);
  }

  /** The bytes without their length. */
  raw(value: Uint8Array): void {
    const length = value.length;
    if (this.#at + length > this.#bytes.length) this.#grow(length);
    if (length < 32) {
      for (let i = 0, at = this.#at; i < length; i++, at++) this.#bytes[at] = value[i]!;
    } else {
      this.#bytes.set(value, this.#at);
    }
    this.#at += length;
  }

  oneOf<T>(values: readonly T[], value: T): void {
    const index = values.indexOf(value);
    if (index < 0) throw new RangeError(`Cannot encode a choice: must be one of ${values}, got ${value}`);
    this.u8(index);
  }

  #grow(more: number): void {
    const needed = this.#at + more;
    if (needed > this.#bytesMax) {
      throw new SizeError(`Cannot encode: must be at most ${this.#bytesMax} bytes, got ${needed}`);
    }
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

function textTooLong(bytesMax: number, length: number): RangeError {
  return new RangeError(`Cannot encode a text: must be at most ${bytesMax} bytes, got ${length}`);
}

function checkLength(bytesMax: number, length: number): void {
  if (length > bytesMax) {
    throw new RangeError(`Cannot encode bytes: must be at most ${bytesMax}, got ${length}`);
  }
}
