/**
 * Copies of short byte strings, many to one buffer. A buffer of its own costs V8 more than a microsecond, ten
 * times the copy; a slab of 4 KiB is the most that a surviving copy can keep alive.
 */

const SLAB_BYTES = 4096;
/** Longer ones get a buffer of their own: a slab always holds several. */
const SHARED_BYTES_MAX = 1024;
/** Up to here a loop is quicker than the call of `set`. */
const LOOP_BYTES_MAX = 48;

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** One byte is what most handlers return: nothing. */
const ONE_BYTE: readonly Uint8Array[] = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

/** The bytes from `start` to `end`, independent of `source`. Its `buffer` may be shared with other copies. */
export function copyBytes(source: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length === 0) return EMPTY_BYTES;
  if (length === 1) return ONE_BYTE[source[start]!]!;
  if (length > SHARED_BYTES_MAX) {
    const copy = new Uint8Array(length);
    copy.set(viewBytes(source, start, length));
    return copy;
  }
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  const at = used;
  used += length;
  if (length <= LOOP_BYTES_MAX) {
    for (let from = start, to = at; from < end; from++, to++) slab[to] = source[from]!;
  } else {
    slab.set(viewBytes(source, start, length), at);
  }
  return new Uint8Array(slab.buffer, at, length);
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
