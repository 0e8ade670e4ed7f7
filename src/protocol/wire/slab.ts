/**
 * Copies of short byte strings, many to one buffer. A buffer of its own costs V8 more than a microsecond, ten
 * times the copy; a slab of 16 KiB is the most that a surviving copy can keep alive.
 */

const SLAB_BYTES = 16_384;
/** Longer ones get a buffer of their own: a slab always holds several. */
const SHARED_BYTES_MAX = 1024;
/** Up to here a loop is quicker than the call of `set`. */
const LOOP_BYTES_MAX = 48;

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** One byte is what most handlers return: nothing. */
const ONE_BYTE: readonly Uint8Array[] = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

/** Where a copy is. */
export interface Place {
  readonly slab: Uint8Array;
  readonly at: number;
  readonly length: number;
}

const PLACE: { -readonly [K in keyof Place]: Place[K] } = { slab, at: 0, length: 0 };

/** Copies the bytes from `start` to `end`. The place is one object: good until the next copy. */
export function placeBytes(source: Uint8Array, start: number, end: number): Place {
  const length = end - start;
  PLACE.length = length;
  if (length > SHARED_BYTES_MAX) {
    PLACE.slab = new Uint8Array(length);
    PLACE.at = 0;
    PLACE.slab.set(viewBytes(source, start, length));
    return PLACE;
  }
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  const at = used;
  used += length;
  PLACE.slab = slab;
  PLACE.at = at;
  copyPart(source, start, length, slab, at);
  return PLACE;
}

/** Copies `length` bytes that begin at `start` to where `at` is in `target`. */
export function copyPart(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length > LOOP_BYTES_MAX) return target.set(viewBytes(source, start, length), at);
  for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
}

/** The bytes from `start` to `end`, independent of `source`. Its `buffer` may be shared with other copies. */
export function copyBytes(source: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length === 0) return EMPTY_BYTES;
  if (length === 1) return ONE_BYTE[source[start]!]!;
  placeBytes(source, start, end);
  return new Uint8Array(PLACE.slab.buffer, PLACE.at, length);
}

/**
 * A window onto `source`: several times quicker than `subarray`, and a plain Uint8Array whatever `source`
 * is.
 */
export function viewBytes(source: Uint8Array, start: number, length: number): Uint8Array {
  if (length === 0) return EMPTY_BYTES;
  if (length === 1) return ONE_BYTE[source[start]!]!;
  return new Uint8Array(source.buffer, source.byteOffset + start, length);
}
