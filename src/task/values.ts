/**
 * The values that travel: JSON plus Uint8Array, Date, bigint and undefined, as CBOR. Strict: what could not
 * be read back as it was is refused, with its path.
 */
import { decode } from "cborg";
import { LIMITS } from "../protocol/model/limits.ts";
import { TAG_BIGINT, TAG_BIGINT_NEGATIVE, TAG_DATE, ValueWriter } from "./value-writer.ts";

const NULL = 0xf6;
const UNDEFINED = 0xf7;
/** A text whose length takes one byte after the head. */
const SHORT_TEXT = 0x78;

const TAGS = {
  [TAG_DATE]: (content: () => unknown) => new Date(Number(content())),
  [TAG_BIGINT]: (content: () => unknown) => bigintOfBytes(content()),
  [TAG_BIGINT_NEGATIVE]: (content: () => unknown) => -1n - bigintOfBytes(content()),
};

const WRITER = new ValueWriter();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @param what names the value in errors: "input", "result", "checkpoint"
 * @throws TypeError for what cannot travel, with its path; RangeError above 256 KiB
 */
export function encodeValue(value: unknown, what: string): Uint8Array {
  const writer = WRITER.isBusy ? new ValueWriter() : WRITER;
  const bytes = writer.write(value, what);
  if (bytes.length <= LIMITS.payloadBytesMax) return bytes;
  throw new RangeError(
    `Cannot encode ${what}: it may have ${LIMITS.payloadBytesMax} bytes, got ${bytes.length}`,
  );
}

/** @throws TypeError when the bytes are none of encodeValue's */
export function decodeValue(bytes: Uint8Array, what: string): unknown {
  // by far the most common values, without the general decoder
  if (bytes.length === 1 && bytes[0] === NULL) return null;
  if (bytes.length === 1 && bytes[0] === UNDEFINED) return undefined;
  try {
    if (bytes[0] === SHORT_TEXT && bytes[1] === bytes.length - 2) return DECODER.decode(bytes.subarray(2));
    return decode(bytes, { tags: TAGS, rejectDuplicateMapKeys: true });
  } catch (error) {
    throw new TypeError(`Cannot decode ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function bigintOfBytes(bytes: unknown): bigint {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("a bigint that is no bytes");
  let hex = "0x0";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return BigInt(hex);
}
