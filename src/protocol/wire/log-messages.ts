/** Messages of elections, replication and reconfiguration as bytes. */
import { isSameBallot } from "../model/ballot.ts";
import { readEntries, writeEntries } from "./operations.ts";
import {
  type MessageCodecs,
  readBallot,
  readBallotOrNull,
  readList,
  readLogEnd,
  readPartition,
  readSession,
  writeBallot,
  writeBallotOrNull,
  writeList,
  writeLogEnd,
  writePartition,
  writeSession,
} from "./primitives.ts";
import { LIMITS } from "../model/limits.ts";
import type { AppendMessage, PromiseMessage, SealMessage, SnapshotMessage } from "../model/messages.ts";
import type { Ballot, Fate, Silence } from "../model/types.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

type Chunk = Pick<SnapshotMessage, "offset" | "totalBytes" | "data">;

const ANSWERS: readonly PromiseMessage["answer"][] = ["granted", "ahead", "loyal", "promised"];

function writeHead(w: Writer, message: { readonly p: number; readonly ballot: Ballot }): void {
  writePartition(w, message.p);
  writeBallot(w, message.ballot);
}

/** Their place is their number on the wire: append only. */
const FATES: readonly Fate[] = ["silent", "dead", "unknown"];

function writeSilence(w: Writer, silence: Silence): void {
  writeSession(w, silence.session);
  w.uint(silence.index);
  w.ms(silence.elapsedMs);
  w.oneOf(FATES, silence.fate);
}
function readSilence(r: Reader): Silence {
  return { session: readSession(r), index: r.uint(), elapsedMs: r.ms(), fate: r.oneOf(FATES) };
}

/** What stands for the ballot before the first entry. */
const PREV_NONE = 0;
const PREV_SAME = 1;
const PREV_OTHER = 2;

function writeAppend(w: Writer, m: AppendMessage): void {
  writeHead(w, m);
  w.uint(m.commit);
  w.uint(m.first);
  w.uint(m.logFloor);
  w.uint(m.prevIndex);
  if (m.prevBallot === null) {
    w.u8(PREV_NONE);
  } else if (isSameBallot(m.prevBallot, m.ballot)) {
    w.u8(PREV_SAME);
  } else {
    w.u8(PREV_OTHER);
    writeBallot(w, m.prevBallot);
  }
  writeEntries(w, LIMITS.entriesPerAppendMax, m.ballot, m.entries);
}
function readAppend(r: Reader): AppendMessage {
  const p = readPartition(r);
  const ballot = readBallot(r);
  const commit = r.uint();
  const first = r.uint();
  const logFloor = r.uint();
  const prevIndex = r.uint();
  const prevBallot = readPrevBallot(r, ballot);
  const entries = readEntries(r, LIMITS.entriesPerAppendMax, ballot);
  return { type: "append", p, ballot, prevIndex, prevBallot, commit, first, logFloor, entries };
}

function readPrevBallot(r: Reader, ballot: Ballot): Ballot | null {
  const tag = r.u8();
  if (tag === PREV_NONE) return null;
  if (tag === PREV_SAME) return ballot;
  if (tag !== PREV_OTHER) r.fail(`what stands for a ballot must be 0, 1 or 2, got ${tag}`);
  const other = readBallot(r);
  if (isSameBallot(other, ballot)) r.fail("a ballot must be left out where it is the message's");
  return other;
}

function writeSnapshot(w: Writer, m: SnapshotMessage): void {
  writeHead(w, m);
  writeLogEnd(w, m.end);
  w.uint(m.first);
  writeChunk(w, m);
}
function writeChunk(w: Writer, m: Chunk): void {
  w.upTo(LIMITS.stateBytesMax, m.totalBytes);
  w.upTo(m.totalBytes, m.offset);
  w.bytes(Math.min(LIMITS.snapshotChunkBytesMax, m.totalBytes - m.offset), m.data);
}
/** The data is a window onto the frame. */
function readSnapshot(r: Reader): SnapshotMessage {
  const p = readPartition(r);
  const ballot = readBallot(r);
  const end = readLogEnd(r);
  const first = r.uint();
  return { type: "snapshot", p, ballot, end, first, ...readChunk(r) };
}
function readChunk(r: Reader): Chunk {
  const totalBytes = r.upTo(LIMITS.stateBytesMax);
  const offset = r.upTo(totalBytes);
  const data = r.view(Math.min(LIMITS.snapshotChunkBytesMax, totalBytes - offset));
  return { offset, totalBytes, data };
}

function writeOld(w: Writer, m: Pick<SealMessage, "p" | "cfg" | "ballot">): void {
  writeHead(w, m);
  w.uint(m.cfg);
}
function readOld(r: Reader): Pick<SealMessage, "p" | "cfg" | "ballot"> {
  return { p: readPartition(r), ballot: readBallot(r), cfg: r.uint() };
}

export const LOG_CODECS: MessageCodecs<
  | "prepare"
  | "promise"
  | "transfer"
  | "append"
  | "appendReply"
  | "refuse"
  | "snapshot"
  | "snapshotReply"
  | "seal"
  | "sealed"
  | "fetchCopy"
  | "copyChunk"
> = {
  prepare: {
    write: (w, m) => {
      writeHead(w, m);
      w.bool(m.pre);
      writeLogEnd(w, m.end);
    },
    read: (r) => ({
      type: "prepare",
      p: readPartition(r),
      ballot: readBallot(r),
      pre: r.bool(),
      end: readLogEnd(r),
    }),
  },
  promise: {
    write: (w, m) => {
      writeHead(w, m);
      w.bool(m.pre);
      w.oneOf(ANSWERS, m.answer);
      writeBallotOrNull(w, m.promised);
      w.ms(m.wallMs);
    },
    read: (r) => ({
      type: "promise",
      p: readPartition(r),
      ballot: readBallot(r),
      pre: r.bool(),
      answer: r.oneOf(ANSWERS),
      promised: readBallotOrNull(r),
      wallMs: r.ms(),
    }),
  },
  transfer: {
    write: writeHead,
    read: (r) => ({ type: "transfer", p: readPartition(r), ballot: readBallot(r) }),
  },
  append: { write: writeAppend, read: readAppend },
  appendReply: {
    write: (w, m) => {
      writeHead(w, m);
      w.bool(m.ok);
      w.uint(m.index);
      writeList(w, LIMITS.itemsPerMessageMax, m.silences, writeSilence);
    },
    read: (r) => ({
      type: "appendReply",
      p: readPartition(r),
      ballot: readBallot(r),
      ok: r.bool(),
      index: r.uint(),
      silences: readList(r, LIMITS.itemsPerMessageMax, readSilence),
    }),
  },
  refuse: {
    write: (w, m) => {
      writeHead(w, m);
      writeBallot(w, m.promised);
    },
    read: (r) => ({ type: "refuse", p: readPartition(r), ballot: readBallot(r), promised: readBallot(r) }),
  },
  snapshot: { write: writeSnapshot, read: readSnapshot },
  snapshotReply: {
    write: (w, m) => {
      writeHead(w, m);
      w.uint(m.index);
      w.uint(m.receivedBytes);
    },
    read: (r) => ({
      type: "snapshotReply",
      p: readPartition(r),
      ballot: readBallot(r),
      index: r.uint(),
      receivedBytes: r.uint(),
    }),
  },
  seal: { write: writeOld, read: (r) => ({ type: "seal", ...readOld(r) }) },
  sealed: {
    write: (w, m) => {
      writeOld(w, m);
      w.bool(m.isInstalled);
      writeList(w, LIMITS.chainMax, m.by, (w, cfg) => w.uint(cfg));
      writeLogEnd(w, m.end);
    },
    read: (r) => ({
      type: "sealed",
      ...readOld(r),
      isInstalled: r.bool(),
      by: readList(r, LIMITS.chainMax, (r) => r.uint()),
      end: readLogEnd(r),
    }),
  },
  fetchCopy: {
    write: (w, m) => {
      writeOld(w, m);
      w.upTo(LIMITS.stateBytesMax, m.offset);
    },
    read: (r) => ({ type: "fetchCopy", ...readOld(r), offset: r.upTo(LIMITS.stateBytesMax) }),
  },
  copyChunk: {
    write: (w, m) => {
      writeOld(w, m);
      writeLogEnd(w, m.end);
      writeChunk(w, m);
    },
    read: (r) => ({ type: "copyChunk", ...readOld(r), end: readLogEnd(r), ...readChunk(r) }),
  },
};
