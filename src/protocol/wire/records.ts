/** Durable records (model/contract.ts) as bytes: what a store writes and the simulator's disk keeps. */
import type { PersistRecord } from "../model/contract.ts";
import { readEntries, writeEntries } from "./operations.ts";
import {
  readBallot,
  readList,
  readLogEnd,
  readPartition,
  writeBallot,
  writeList,
  writeLogEnd,
  writePartition,
} from "./primitives.ts";
import {
  readAccepted,
  readCandidate,
  readRoster,
  writeAccepted,
  writeCandidate,
  writeRoster,
} from "./roster-messages.ts";
import { LIMITS } from "../model/limits.ts";
import type { Candidate } from "../model/types.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

const RECORD_VERSION = 5;
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

function writePlace(w: Writer, { p, cfg }: { readonly p: number; readonly cfg: number }): void {
  writePartition(w, p);
  w.uint(cfg);
}

function readPlace(r: Reader): { readonly p: number; readonly cfg: number } {
  return { p: readPartition(r), cfg: r.uint() };
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
      writePlace(w, record);
      w.uint(record.prevIndex);
      return writeEntries(w, LIMITS.entriesPerRecordMax, null, record.entries);
    case "snapshot":
    case "compact":
      w.u8(record.type === "snapshot" ? 4 : 5);
      writePlace(w, record);
      writeLogEnd(w, record.end);
      return w.bytes(LIMITS.stateBytesMax, record.state);
    case "install":
      w.u8(6);
      return writePlace(w, record);
    case "seal":
      w.u8(7);
      writePlace(w, record);
      return writeList(w, LIMITS.chainMax, record.by, (w, cfg) => w.uint(cfg));
    case "retire":
      w.u8(8);
      return writePlace(w, record);
    case "vote":
      w.u8(9);
      w.uint(record.epoch);
      writeBallot(w, record.promised);
      return writeAccepted(w, record.accepted);
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
      const place = readPlace(r);
      const prevIndex = r.uint();
      return {
        type: "append",
        ...place,
        prevIndex,
        entries: readEntries(r, LIMITS.entriesPerRecordMax, null),
      };
    }
    case 4:
    case 5: {
      const place = readPlace(r);
      const end = readLogEnd(r);
      const state = r.view(LIMITS.stateBytesMax);
      return { type: tag === 4 ? "snapshot" : "compact", ...place, end, state };
    }
    case 6:
      return { type: "install", ...readPlace(r) };
    case 7:
      return { type: "seal", ...readPlace(r), by: readList(r, LIMITS.chainMax, (r) => r.uint()) };
    case 8:
      return { type: "retire", ...readPlace(r) };
    case 9: {
      const epoch = r.uint();
      return { type: "vote", epoch, promised: readBallot(r), accepted: readAccepted(r) };
    }
    default:
      return r.fail(`a record must have a kind from 0 to 9, got ${tag}`);
  }
}
