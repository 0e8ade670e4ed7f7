/**
 * A partition's state on its way to this keeper, piece by piece. Part of a state is no state: see isComplete.
 */
import { isSameBallot } from "./ballot.ts";
import type { SnapshotMessage } from "./messages-log.ts";

export class IncomingSnapshot {
  readonly #first: SnapshotMessage;
  readonly bytes: Uint8Array;
  #receivedBytes = 0;

  constructor(first: SnapshotMessage) {
    this.#first = first;
    this.bytes = new Uint8Array(first.totalBytes);
  }

  isOf(message: SnapshotMessage): boolean {
    const { ballot, end, totalBytes } = this.#first;
    return isSameBallot(ballot, message.ballot) && end.index === message.end.index &&
      totalBytes === message.totalBytes;
  }

  /** Takes the piece if it is the next one. Returns the bytes held from the start. */
  take(message: SnapshotMessage): number {
    const { offset, data } = message;
    if (offset === this.#receivedBytes && offset + data.length <= this.bytes.length) {
      this.bytes.set(data, offset);
      this.#receivedBytes += data.length;
    }
    return this.#receivedBytes;
  }

  get isComplete(): boolean {
    return this.#receivedBytes === this.bytes.length;
  }
}
