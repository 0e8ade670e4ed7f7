/**
 * Messages on a byte stream, each behind its length as an unsigned varint: the format of it-length-prefixed.
 * The reader here is for the hot stream of a pair: synchronous, and it copies only messages that arrive in
 * pieces. Streams of clients are read with it-pipe and it-length-prefixed, see client-stream.ts.
 */

/** Bytes as libp2p hands them over: one buffer or a list of them. */
export type Chunk = Uint8Array | Iterable<Uint8Array>;

/** A length of 2^28 or more is never sane: four bytes of varint are enough. */
const PREFIX_BYTES_MAX = 4;

/** The length prefix of a message and then its first byte. `lengthBytes` includes that byte. */
export function encodePrefix(lengthBytes: number, firstByte: number): Uint8Array {
  const bytes: number[] = [];
  let rest = lengthBytes;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest, firstByte);
  return Uint8Array.from(bytes);
}

/** A view of `bytes` that is no Buffer, whose slice() would not copy. */
export function plain(bytes: Uint8Array, from: number = 0): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, bytes.byteLength - from);
}

/** Cuts a stream of chunks into messages. */
export class FrameReader {
  readonly #bytesMax: () => number;
  readonly #onMessage: (message: Uint8Array) => void;
  #length = 0;
  #prefixBytes = 0;
  #partial: Uint8Array | undefined;
  #filledBytes = 0;

  /** `bytesMax`: length of the longest message that is accepted now. */
  constructor(bytesMax: () => number, onMessage: (message: Uint8Array) => void) {
    this.#bytesMax = bytesMax;
    this.#onMessage = onMessage;
  }

  /** Throws on a length that is not allowed; the stream is of no use then. */
  push(chunk: Chunk): void {
    if (chunk instanceof Uint8Array) this.#read(chunk);
    else for (const buffer of chunk) this.#read(buffer);
  }

  #read(buffer: Uint8Array): void {
    let at = 0;
    while (at < buffer.byteLength) {
      if (this.#partial !== undefined) {
        at += this.#fill(this.#partial, buffer, at);
        continue;
      }
      const byte = buffer[at++]!;
      this.#length |= (byte & 127) << (7 * this.#prefixBytes++);
      if (byte > 127) {
        if (this.#prefixBytes === PREFIX_BYTES_MAX) throw new Error("the length of a message is garbage");
        continue;
      }
      const length = this.#length;
      if (length === 0) throw new Error("a message is empty");
      const bytesMax = this.#bytesMax();
      if (length > bytesMax) throw new Error(`a message of ${length} bytes is longer than ${bytesMax}`);
      this.#length = this.#prefixBytes = 0;
      if (buffer.byteLength - at >= length) {
        this.#onMessage(buffer.subarray(at, at += length));
      } else {
        this.#partial = Buffer.allocUnsafeSlow(length);
        this.#filledBytes = 0;
      }
    }
  }

  #fill(partial: Uint8Array, buffer: Uint8Array, at: number): number {
    const count = Math.min(partial.byteLength - this.#filledBytes, buffer.byteLength - at);
    partial.set(buffer.subarray(at, at + count), this.#filledBytes);
    this.#filledBytes += count;
    if (this.#filledBytes === partial.byteLength) {
      this.#partial = undefined;
      this.#onMessage(partial);
    }
    return count;
  }
}
