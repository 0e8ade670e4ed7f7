/** A sealed copy on its way to those who take over: encoded once, it does not change any more. */
import { encodeImage, type Image } from "./image-codec.ts";

export class OutgoingImage {
  readonly #bytes: Uint8Array;

  constructor(image: Image) {
    this.#bytes = encodeImage(image);
  }

  piece(offset: number, bytesMax: number): { offset: number; totalBytes: number; data: Uint8Array } {
    const data = this.#bytes.subarray(offset, offset + bytesMax);
    return { offset, totalBytes: this.#bytes.length, data };
  }
}
