/**
 * What keepers of a partition say to one another about its log: elections and replication. The rest:
 * messages.ts.
 */
import type { Ballot, Entry, LogEnd, SessionId } from "./types.ts";

// ---- elections -------------------------------------------------------------------------------------------

/** Asks a keeper to promise. `pre`: would you? Nothing is promised, nothing is written. */
export interface PrepareMessage {
  readonly type: "prepare";
  readonly p: number;
  readonly ballot: Ballot;
  readonly pre: boolean;
  readonly end: LogEnd;
}
export interface PromiseMessage {
  readonly type: "promise";
  readonly p: number;
  readonly ballot: Ballot;
  readonly pre: boolean;
  /** `ahead`: my log is longer than yours, I stand myself. `loyal`: I hear a steward. */
  readonly answer: "granted" | "ahead" | "loyal" | "promised";
  /** The highest ballot promised so far, so that the asker's counter can rise above it. */
  readonly promised: Ballot | null;
}
/** A steward that is not the first of its keepers hands the reign to the first, which is up to date. */
export interface TransferMessage {
  readonly type: "transfer";
  readonly p: number;
  readonly ballot: Ballot;
}

// ---- replication -----------------------------------------------------------------------------------------

export interface AppendMessage {
  readonly type: "append";
  readonly p: number;
  readonly ballot: Ballot;
  /** Index and ballot of the entry before the first one carried. */
  readonly prevIndex: number;
  readonly prevBallot: Ballot | null;
  readonly commit: number;
  /** Where the reign began: a new keeper's copy is whole when it matches up to there. */
  readonly first: number;
  /** All keepers have the log up to here: nobody asks for earlier entries again. */
  readonly floor: number;
  readonly entries: readonly Entry[];
}
/** How long a condemned session had been silent here, counted to now. */
export interface Silence {
  readonly session: SessionId;
  readonly index: number;
  readonly elapsedMs: number;
}
export interface AppendReplyMessage {
  readonly type: "appendReply";
  readonly p: number;
  readonly ballot: Ballot;
  /**
   * `ok`: everything up to `index` matches. If not, `index` is where the log ends, being too short, or up to
   * where it is known to be chosen: send from there.
   */
  readonly ok: boolean;
  readonly index: number;
  readonly silences: readonly Silence[];
}
/** The ballot of an append, snapshot or reign is below what I promised. */
export interface RefuseMessage {
  readonly type: "refuse";
  readonly p: number;
  readonly ballot: Ballot;
  readonly promised: Ballot;
}
/** One piece of a partition's state as of `end`, for a keeper whose log ends before the steward's begins. */
export interface SnapshotMessage {
  readonly type: "snapshot";
  readonly p: number;
  readonly ballot: Ballot;
  readonly end: LogEnd;
  /** As in an append. */
  readonly first: number;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}
export interface SnapshotReplyMessage {
  readonly type: "snapshotReply";
  readonly p: number;
  readonly ballot: Ballot;
  readonly index: number;
  /** Bytes held of that snapshot from its start: the next offset wanted. */
  readonly receivedBytes: number;
}

// ---- a new configuration takes over from the one before ---------------------------------------------------

/** Asks a keeper of configuration `cfg` to serve no more, for ever. `ballot`: of the newer configuration. */
export interface SealMessage {
  readonly type: "seal";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
}
export interface SealedMessage {
  readonly type: "sealed";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
  /** False: its copy was never whole, so it says nothing about the partition. */
  readonly isInstalled: boolean;
  /** The configurations that had sealed it before. */
  readonly by: readonly number[];
  readonly end: LogEnd;
}
/** Asks a sealed keeper for its copy, from `offset` on. */
export interface InheritMessage {
  readonly type: "inherit";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
  readonly offset: number;
}
/** One piece of a sealed copy: see image-codec.ts. */
export interface ImageMessage {
  readonly type: "image";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
  /** Of the state in it: a keeper that restarts makes another copy of the same. */
  readonly end: LogEnd;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}
