/** A partition's state that a follower gets from its steward, chunk by chunk, and takes over as a whole. */
import type { Context } from "../context/context.ts";
import { isSameBallot } from "../model/ballot.ts";
import type { SnapshotMessage } from "../model/messages.ts";
import type { Ballot, LogEnd, MemberNo, PartitionState } from "../model/types.ts";
import { decodeState } from "../wire/snapshots.ts";
import type { Replica } from "./replica.ts";

interface Follower {
  readonly p: number;
  readonly cfg: number;
  readonly replica: Replica;
}

export class SnapshotTransfer {
  readonly #context: Context;
  readonly #keeper: Follower;
  #incoming: IncomingChunks | null = null;

  constructor(context: Context, keeper: Follower) {
    this.#context = context;
    this.#keeper = keeper;
  }

  drop(): void {
    this.#incoming = null;
  }

  /** The index up to which the log is now as the steward has it; 0 = there is more to come. */
  take(from: MemberNo, message: SnapshotMessage): number {
    const { p, cfg, replica } = this.#keeper;
    const { ballot, end } = message;
    if (this.#alreadyHolds(end)) return Math.max(end.index, replica.commit);
    if (!this.#incoming?.isOf(message)) this.#incoming = new IncomingChunks(message);
    const receivedBytes = this.#incoming.take(message);
    if (!this.#incoming.isComplete) {
      this.#context.send(from, { type: "snapshotReply", p, ballot, index: end.index, receivedBytes });
      return 0;
    }
    const { bytes } = this.#incoming;
    this.#incoming = null;
    const state = this.#decode(from, bytes);
    if (!state) return 0;
    replica.install(end, state);
    replica.snapshotBytes = bytes.length;
    this.#context.persist({ type: "snapshot", p, cfg, end, state: bytes });
    return end.index;
  }

  /**
   * The log reaches `end`, perhaps with acked entries behind it: replacing it would lose them (Raft, section
   * 7).
   */
  #alreadyHolds(end: LogEnd): boolean {
    const { replica } = this.#keeper;
    if (end.index <= replica.commit) return true;
    const mine = replica.ballotAt(end.index);
    if (mine === undefined || !isSameBallot(mine, end.ballot)) return false;
    replica.commitTo(end.index);
    return true;
  }

  #decode(from: MemberNo, bytes: Uint8Array): PartitionState | null {
    try {
      return decodeState(bytes);
    } catch (error) {
      const reason = `a snapshot that is no state: ${(error as Error).message}`;
      this.#context.event({ type: "rejected", from: this.#context.memberByNo.get(from)!.id, reason });
      return null;
    }
  }
}

/**
 * Bytes on their way to this keeper, chunk by chunk: a partition's state from its steward, or a sealed
 * copy. Part of it is nothing: see isComplete.
 */
interface Chunk {
  readonly ballot: Ballot;
  readonly end?: LogEnd;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}

export class IncomingChunks {
  readonly #first: Chunk;
  readonly bytes: Uint8Array;
  receivedBytes = 0;

  constructor(first: Chunk) {
    this.#first = first;
    this.bytes = new Uint8Array(first.totalBytes);
  }

  isOf(chunk: Chunk): boolean {
    const { ballot, end, totalBytes } = this.#first;
    return isSameBallot(ballot, chunk.ballot) && end?.index === chunk.end?.index &&
      totalBytes === chunk.totalBytes;
  }

  /** Takes the chunk if it is the next one. Returns the bytes held from the start. */
  take(chunk: Chunk): number {
    const { offset, data } = chunk;
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
