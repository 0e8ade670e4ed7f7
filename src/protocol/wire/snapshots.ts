/** A partition's tasks as bytes: what snapshots carry and stores keep. The whole of it or nothing. */
import { LIMITS } from "../model/limits.ts";
import type { PartitionState, SealedCopy, TaskRecord } from "../model/types.ts";
import { readEntries, writeEntries } from "./operations.ts";
import { readList, readLogEnd, readSession, writeList, writeLogEnd, writeSession } from "./primitives.ts";
import { Reader } from "./reader.ts";
import { readTaskRecord, writeTaskRecord } from "./tasks.ts";
import { Writer } from "./writer.ts";

const STATE_VERSION = 4;

/**
 * Throws a RangeError if the state is over LIMITS.stateBytesMax or names a finished task that is not there.
 */
export function encodeState(state: PartitionState): Uint8Array {
  const w = new Writer(LIMITS.stateBytesMax);
  w.u8(STATE_VERSION);
  writeList(w, LIMITS.stateBytesMax, state.records, writeTaskRecord);
  const places = new Map<string, number>();
  for (const record of state.records) places.set(record.spec.id, places.size);
  w.count(LIMITS.stateBytesMax, state.finished.length);
  for (const id of state.finished) {
    const place = places.get(id);
    if (place === undefined) {
      throw new RangeError(`Cannot encode a state: finished tasks must have records, got ${id}`);
    }
    w.uint(place);
  }
  writeList(w, LIMITS.stateBytesMax, state.condemned, writeSession);
  w.ms(state.horizonMs);
  w.ms(state.timeMs);
  return w.toBytes();
}

/** Throws a ProtocolError if `bytes` are not exactly a state. Keeps nothing of them. */
export function decodeState(bytes: Uint8Array): PartitionState {
  const r = new Reader().reset(bytes, "partition state");
  const version = r.u8();
  if (version !== STATE_VERSION) r.fail(`must be of version ${STATE_VERSION}, got ${version}`);
  const records = readList(r, LIMITS.stateBytesMax, readTaskRecord);
  const ids = new Set<string>();
  for (const record of records) {
    if (ids.has(record.spec.id)) r.fail(`ids must differ, got ${record.spec.id} twice`);
    ids.add(record.spec.id);
  }
  const finished = readList(r, records.length, (r) => readFinished(r, records, ids));
  const condemned = readList(r, LIMITS.stateBytesMax, readSession);
  const horizonMs = r.ms();
  const timeMs = r.ms();
  r.finish();
  return { records, finished, condemned, horizonMs, timeMs };
}

/** `left`: ids that were not named yet. */
function readFinished(r: Reader, records: readonly TaskRecord[], left: Set<string>): string {
  const place = r.uint();
  const record = records[place];
  if (record === undefined) {
    return r.fail(`a finished task must be one of ${records.length}, got number ${place}`);
  }
  const { id } = record.spec;
  if (!left.delete(id)) r.fail(`a task must finish once, got ${id} twice`);
  return id;
}

// ---- whole copies -----------------------------------------------------------------------------------------
// A whole copy of a partition as bytes: the state as of its last entry known to be chosen, and the entries
// behind it, which may be chosen too. What a sealed keeper hands to the configuration that follows.

const COPY_BYTES_MAX = LIMITS.stateBytesMax + LIMITS.logBytesMax;

/** Throws a RangeError when it is over its limits. */
export function encodeCopy(copy: SealedCopy): Uint8Array {
  const w = new Writer(COPY_BYTES_MAX);
  writeLogEnd(w, copy.end);
  w.bytes(LIMITS.stateBytesMax, encodeState(copy.state));
  writeEntries(w, LIMITS.entriesPerRecordMax, null, copy.tail);
  return w.toBytes();
}

/** Throws a ProtocolError if `bytes` are not exactly a copy. */
export function decodeCopy(bytes: Uint8Array): SealedCopy {
  const r = new Reader().reset(bytes, "partition copy");
  const end = readLogEnd(r);
  const state = decodeState(r.view(LIMITS.stateBytesMax));
  const tail = readEntries(r, LIMITS.entriesPerRecordMax, null);
  r.finish();
  return { end, state, tail };
}
