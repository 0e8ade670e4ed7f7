/**
 * Bytes on their way to this keeper, piece by piece: a partition's state from its steward, or a sealed copy.
 * Part of it is nothing: see isComplete.
 */
import { isSameBallot } from "./ballot.ts";
import type { Ballot, LogEnd } from "./types.ts";

interface Piece {
  readonly ballot: Ballot;
  readonly end?: LogEnd;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}

export class IncomingPieces {
  readonly #first: Piece;
  readonly bytes: Uint8Array;
  receivedBytes = 0;

  constructor(first: Piece) {
    this.#first = first;
    this.bytes = new Uint8Array(first.totalBytes);
  }

  isOf(piece: Piece): boolean {
    const { ballot, end, totalBytes } = this.#first;
    return isSameBallot(ballot, piece.ballot) && end?.index === piece.end?.index &&
      totalBytes === piece.totalBytes;
  }

  /** Takes the piece if it is the next one. Returns the bytes held from the start. */
  take(piece: Piece): number {
    const { offset, data } = piece;
    if (offset === this.receivedBytes && offset + data.length <= this.bytes.length) {
      this.bytes.set(data, offset);
      this.receivedBytes += data.length;
    }
    return this.receivedBytes;
  }

  get isComplete(): boolean {
    return this.receivedBytes === this.bytes.length;
  }
}
