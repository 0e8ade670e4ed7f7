/**
 * The values that travel: JSON plus Uint8Array, Date, bigint and undefined, as canonical CBOR (RFC 8949), so
 * that equal inputs are equal bytes. Strict: what could not be read back as it was is refused, with its path.
 */
import { decode, encode, Token, Type } from "cborg";
import { LIMITS } from "../protocol/limits.ts";

const TAG_DATE = 1;
const TAG_BIGINT = 2;
const TAG_BIGINT_NEGATIVE = 3;
const DEPTH_MAX = 100;

const ENCODE_OPTIONS = {
  typeEncoders: {
    Date: (date: Date) => [new Token(Type.tag, TAG_DATE), new Token(Type.float, date.getTime() / 1000)],
    bigint: (value: bigint) => {
      const isNegative = value < 0n;
      return [
        new Token(Type.tag, isNegative ? TAG_BIGINT_NEGATIVE : TAG_BIGINT),
        new Token(Type.bytes, bytesOfBigint(isNegative ? -1n - value : value)),
      ];
    },
  },
};

const TAGS = {
  [TAG_DATE]: (content: () => unknown) => new Date(Math.round(Number(content()) * 1000)),
  [TAG_BIGINT]: (content: () => unknown) => bigintOfBytes(content()),
  [TAG_BIGINT_NEGATIVE]: (content: () => unknown) => -1n - bigintOfBytes(content()),
};

/**
 * @param what names the value in errors: "input", "result", "checkpoint"
 * @throws TypeError for what cannot travel, with its path; RangeError above 256 KiB
 */
export function encodeValue(value: unknown, what: string): Uint8Array {
  check(value, what, what, []);
  const bytes = encode(value, ENCODE_OPTIONS);
  if (bytes.length > LIMITS.payloadBytesMax) {
    throw new RangeError(
      `Cannot encode ${what}: it may have ${LIMITS.payloadBytesMax} bytes, got ${bytes.length}`,
    );
  }
  return bytes;
}

/** @throws TypeError when the bytes are none of encodeValue's */
export function decodeValue(bytes: Uint8Array, what: string): unknown {
  try {
    return decode(bytes, { tags: TAGS, rejectDuplicateMapKeys: true });
  } catch (error) {
    throw new TypeError(`Cannot decode ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function check(value: unknown, what: string, path: string, parents: object[]): void {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
    case "bigint":
      return;
    case "number":
      if (Number.isFinite(value)) return;
      throw refused(what, path, String(value));
    case "object":
      if (value === null || value instanceof Uint8Array) return;
      return checkObject(value, what, path, parents);
    default:
      throw refused(what, path, `a ${typeof value}`);
  }
}

function checkObject(value: object, what: string, path: string, parents: object[]): void {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refused(what, path, "an invalid Date");
    return;
  }
  if (parents.includes(value)) throw refused(what, path, "a cycle");
  if (parents.length >= DEPTH_MAX) throw refused(what, path, `more than ${DEPTH_MAX} levels`);
  parents.push(value);
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) check(value[at], what, `${path}[${at}]`, parents);
  } else {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw refused(what, path, `an instance of ${value.constructor?.name ?? "a class"}`);
    }
    if (Object.getOwnPropertySymbols(value).length > 0) throw refused(what, path, "a symbol as a key");
    for (const [key, each] of Object.entries(value)) {
      if (key === "__proto__") throw refused(what, path, 'the key "__proto__"');
      check(each, what, `${path}.${key}`, parents);
    }
  }
  parents.pop();
}

function refused(what: string, path: string, got: string): TypeError {
  return new TypeError(
    `Cannot encode ${what}: ${path} must be JSON, Uint8Array, Date, bigint or undefined, got ${got}`,
  );
}

function bytesOfBigint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
  return Uint8Array.from(bytes.reverse());
}

function bigintOfBytes(bytes: unknown): bigint {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("a bigint that is no bytes");
  let hex = "0x0";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return BigInt(hex);
}
