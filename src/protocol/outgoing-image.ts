/** A sealed copy on its way to those who take over: encoded once, it does not change any more. */
import { encodeImage, type Image } from "./image-codec.ts";
import type { LogEnd } from "./types.ts";

export class OutgoingImage {
  readonly #end: LogEnd;
  readonly #bytes: Uint8Array;

  constructor(image: Image) {
    this.#end = image.end;
    this.#bytes = encodeImage(image);
  }

  /** One piece; from the start when there is nothing at `offset`. */
  piece(
    wanted: number,
    bytesMax: number,
  ): { end: LogEnd; offset: number; totalBytes: number; data: Uint8Array } {
    const offset = wanted < this.#bytes.length ? wanted : 0;
    const data = this.#bytes.subarray(offset, offset + bytesMax);
    return { end: this.#end, offset, totalBytes: this.#bytes.length, data };
  }
}
