/**
 * Writes one value as CBOR (RFC 8949): definite lengths, shortest heads, keys in a fixed order, so that equal
 * values are equal bytes. Refuses what could not be read back as it was. Every task is written once and every
 * result too, hence one pass over reused memory instead of a general encoder.
 */

import { copyBytes } from "../protocol/wire/slab.ts";

/** Unassigned: whole milliseconds since the epoch. The standard's tag 1 counts seconds, which would round. */
export const TAG_DATE = 84_279;
export const TAG_BIGINT = 2;
export const TAG_BIGINT_NEGATIVE = 3;
const DEPTH_MAX = 100;
const BYTES_INITIAL = 1024;
/** A writer that is used again keeps no more than this. */
const BYTES_KEPT_MAX = 1_048_576;
/** Up to here a loop over the characters beats the encoder. */
const LOOP_CHARS_MAX = 256;

const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const;
const SIMPLE = { false: 0xf4, true: 0xf5, null: 0xf6, undefined: 0xf7, float64: 0xfb } as const;
const ENCODER = new TextEncoder();

/** Takes one value at a time; not to be entered again while it writes (a getter might). */
export class ValueWriter {
  #bytes: Uint8Array = new Uint8Array(BYTES_INITIAL);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;
  #what = "";
  readonly #path: (string | number)[] = [];
  readonly #parents: object[] = [];
  /** What was thrown by this writer. */
  #refusal: TypeError | null = null;
  isBusy = false;

  /** @throws TypeError that names the path; `what` is its root */
  write(value: unknown, what: string): Uint8Array {
    this.isBusy = true;
    this.#at = 0;
    this.#what = what;
    this.#path.length = 0;
    this.#parents.length = 0;
    try {
      this.#value(value);
      return copyBytes(this.#bytes, 0, this.#at);
    } catch (error) {
      // a getter, a trap of a proxy: each runtime has words of its own for some of that
      throw error === this.#refusal ? error : this.#refused("what throws when it is read", error);
    } finally {
      this.#refusal = null;
      this.isBusy = false;
      if (this.#bytes.length > BYTES_KEPT_MAX) this.#use(new Uint8Array(BYTES_INITIAL));
    }
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return this.#number(value);
      case "boolean":
        return this.#byte(value ? SIMPLE.true : SIMPLE.false);
      case "undefined":
        return this.#byte(SIMPLE.undefined);
      case "bigint":
        return this.#bigint(value);
      case "object":
        return value === null ? this.#byte(SIMPLE.null) : this.#object(value);
      default:
        throw this.#refused(`a ${typeof value}`);
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value)) {
      if (value >= 0) this.#head(MAJOR.uint, value);
      else this.#head(MAJOR.negative, -1 - value);
      return;
    }
    if (!Number.isFinite(value)) throw this.#refused(String(value));
    this.#float(value);
  }

  #float(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#at] = SIMPLE.float64;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  #text(value: string): void {
    const { length } = value;
    if (length <= LOOP_CHARS_MAX && this.#ascii(value)) return;
    if (!value.isWellFormed()) throw this.#refused("a text with half a surrogate pair");
    const bytes = ENCODER.encode(value);
    this.#head(MAJOR.text, bytes.length);
    this.#raw(bytes);
  }

  /** False when it is not only ASCII: then nothing was written. */
  #ascii(value: string): boolean {
    const { length } = value;
    const startAt = this.#at;
    this.#head(MAJOR.text, length);
    this.#reserve(length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#at = startAt;
        return false;
      }
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #bigint(value: bigint): void {
    const isNegative = value < 0n;
    const bytes: number[] = [];
    for (let rest = isNegative ? -1n - value : value; rest > 0n; rest >>= 8n) {
      bytes.push(Number(rest & 0xffn));
    }
    this.#head(MAJOR.tag, isNegative ? TAG_BIGINT_NEGATIVE : TAG_BIGINT);
    this.#head(MAJOR.bytes, bytes.length);
    this.#raw(Uint8Array.from(bytes.reverse()));
  }

  #object(value: object): void {
    if (value instanceof Uint8Array) {
      this.#head(MAJOR.bytes, value.length);
      return this.#raw(value);
    }
    if (value instanceof Date) {
      const ms = value.getTime();
      if (Number.isNaN(ms)) throw this.#refused("an invalid Date");
      this.#head(MAJOR.tag, TAG_DATE);
      return this.#number(ms);
    }
    if (this.#parents.includes(value)) throw this.#refused("a cycle");
    if (this.#parents.length >= DEPTH_MAX) throw this.#refused(`more than ${DEPTH_MAX} levels`);
    this.#parents.push(value);
    if (Array.isArray(value)) this.#array(value);
    else this.#map(value as Record<string, unknown>);
    this.#parents.pop();
  }

  #array(value: readonly unknown[]): void {
    const { length } = value;
    this.#head(MAJOR.array, length);
    for (let at = 0; at < length; at++) {
      this.#path.push(at);
      this.#value(value[at]);
      this.#path.pop();
    }
  }

  #map(value: Readonly<Record<string, unknown>>): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw this.#refused(`an instance of ${classOf(value)}`);
    }
    if (Object.getOwnPropertySymbols(value).length > 0) throw this.#refused("a symbol as a key");
    const keys = Object.keys(value);
    if (keys.length > 1) keys.sort(byLengthThenCode);
    this.#head(MAJOR.map, keys.length);
    for (const key of keys) {
      if (key === "__proto__") throw this.#refused('the key "__proto__"');
      this.#path.push(key);
      this.#text(key);
      this.#value(value[key]);
      this.#path.pop();
    }
  }

  #head(major: number, count: number): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    const kind = major << 5;
    if (count < 24) bytes[this.#at++] = kind | count;
    else if (count < 0x100) {
      bytes[this.#at++] = kind | 24;
      bytes[this.#at++] = count;
    } else if (count < 0x1_0000) {
      bytes[this.#at++] = kind | 25;
      this.#view.setUint16(this.#at, count);
      this.#at += 2;
    } else if (count < 0x1_0000_0000) {
      bytes[this.#at++] = kind | 26;
      this.#view.setUint32(this.#at, count);
      this.#at += 4;
    } else {
      bytes[this.#at++] = kind | 27;
      this.#view.setBigUint64(this.#at, BigInt(count));
      this.#at += 8;
    }
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#use(grown);
  }

  #use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #refused(got: string, cause?: unknown): TypeError {
    const path = this.#path.map((key) => typeof key === "number" ? `[${key}]` : `.${key}`).join("");
    return this.#refusal = new TypeError(
      `Cannot encode ${this.#what}: ${this.#what}${path} must be JSON, Uint8Array, Date, bigint or ` +
        `undefined, got ${got}`,
      cause === undefined ? undefined : { cause },
    );
  }
}

function classOf(value: object): string {
  const { constructor } = value as { readonly constructor?: unknown };
  const name = typeof constructor === "function" ? constructor.name : "";
  // runtimes do not agree on a name for the class of what a generator makes
  return name || Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function byLengthThenCode(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
