/** Durable records (api.ts) as bytes: what a store writes and the simulator's disk keeps. */
import type { PersistRecord } from "./api.ts";
import { readEntries, writeEntries } from "./codec-operations.ts";
import {
  readBallot,
  readList,
  readLogEnd,
  readPartition,
  writeBallot,
  writeList,
  writeLogEnd,
  writePartition,
} from "./codec-parts.ts";
import { readCandidate, readRoster, writeCandidate, writeRoster } from "./codec-roster.ts";
import { LIMITS } from "./limits.ts";
import type { Candidate } from "./types.ts";
import { Reader } from "./wire-reader.ts";
import { Writer } from "./wire.ts";

const RECORD_VERSION = 1;
/** A state and what names it. */
const RECORD_BYTES_MAX = LIMITS.stateBytesMax + 64;
const recordWriter = new Writer(RECORD_BYTES_MAX);

/** Throws a RangeError if a part of the record is over its limit. */
export function encodeRecord(record: PersistRecord): Uint8Array {
  const w = recordWriter;
  w.reset();
  w.u8(RECORD_VERSION);
  writeRecord(w, record);
  const bytes = w.toSharedBytes();
  w.reset();
  return bytes;
}

function writeRecord(w: Writer, record: PersistRecord): void {
  switch (record.type) {
    case "founding":
      w.u8(0);
      w.text(LIMITS.foundingBytesMax, record.founding);
      // the engine writes candidates only; the contract leaves them open
      return writeList(w, LIMITS.membersMax, record.members as readonly Candidate[], writeCandidate);
    case "roster":
      w.u8(1);
      return writeRoster(w, record.roster);
    case "promise":
      w.u8(2);
      writePartition(w, record.p);
      return writeBallot(w, record.ballot);
    case "append":
      w.u8(3);
      writePartition(w, record.p);
      w.uint(record.prevIndex);
      return writeEntries(w, LIMITS.entriesPerRecordMax, null, record.entries);
    case "snapshot":
      w.u8(4);
      writePartition(w, record.p);
      writeLogEnd(w, record.end);
      return w.bytes(LIMITS.stateBytesMax, record.state);
    default:
      return record satisfies never;
  }
}

/** Throws a ProtocolError if `bytes` are not exactly a record. A snapshot's state is a window onto them. */
export function decodeRecord(bytes: Uint8Array): PersistRecord {
  const r = new Reader().reset(bytes, "durable record");
  const version = r.u8();
  if (version !== RECORD_VERSION) r.fail(`must be of version ${RECORD_VERSION}, got ${version}`);
  const record = readRecord(r);
  r.finish();
  return record;
}

function readRecord(r: Reader): PersistRecord {
  const tag = r.u8();
  switch (tag) {
    case 0:
      return {
        type: "founding",
        founding: r.text(LIMITS.foundingBytesMax),
        members: readList(r, LIMITS.membersMax, readCandidate),
      };
    case 1:
      return { type: "roster", roster: readRoster(r) };
    case 2:
      return { type: "promise", p: readPartition(r), ballot: readBallot(r) };
    case 3: {
      const p = readPartition(r);
      const prevIndex = r.uint();
      return { type: "append", p, prevIndex, entries: readEntries(r, LIMITS.entriesPerRecordMax, null) };
    }
    case 4: {
      const p = readPartition(r);
      const end = readLogEnd(r);
      return { type: "snapshot", p, end, state: r.view(LIMITS.stateBytesMax) };
    }
    default:
      return r.fail(`a record must have a kind from 0 to 4, got ${tag}`);
  }
}
