/** A partition's state that a follower gets from its steward, piece by piece, and takes over as a whole. */
import { isSameBallot } from "./ballot.ts";
import type { Core } from "./core.ts";
import { IncomingPieces } from "./incoming-pieces.ts";
import type { Replica } from "./replica.ts";
import type { SnapshotMessage } from "./messages-log.ts";
import { decodeState, type PartitionState } from "./state-codec.ts";
import type { LogEnd, MemberNo } from "./types.ts";

interface Follower {
  readonly p: number;
  readonly cfg: number;
  readonly replica: Replica;
}

export class SnapshotIntake {
  readonly #core: Core;
  readonly #keeper: Follower;
  #incoming: IncomingPieces | null = null;

  constructor(core: Core, keeper: Follower) {
    this.#core = core;
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
    if (!this.#incoming?.isOf(message)) this.#incoming = new IncomingPieces(message);
    const receivedBytes = this.#incoming.take(message);
    if (!this.#incoming.isComplete) {
      this.#core.send(from, { type: "snapshotReply", p, ballot, index: end.index, receivedBytes });
      return 0;
    }
    const { bytes } = this.#incoming;
    this.#incoming = null;
    const state = this.#decode(from, bytes);
    if (!state) return 0;
    replica.install(end, state);
    replica.imageBytes = bytes.length;
    this.#core.persist({ type: "snapshot", p, cfg, end, state: bytes });
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
      this.#core.event({ type: "rejected", from: this.#core.memberByNo.get(from)!.id, reason });
      return null;
    }
  }
}
