/** A partition's tasks as bytes: what snapshots carry and stores keep. The whole of it or nothing. */
import { readList, readSession, writeList, writeSession } from "./codec-parts.ts";
import { readTaskRecord, writeTaskRecord } from "./codec-tasks.ts";
import { LIMITS } from "./limits.ts";
import type { SessionId, TaskRecord } from "./types.ts";
import { Reader } from "./wire-reader.ts";
import { Writer } from "./wire.ts";

export interface PartitionState {
  /** In the order in which they were submitted; ids differ. */
  readonly records: readonly TaskRecord[];
  /** Ids of records, in the order of finishing. */
  readonly finished: readonly string[];
  /** The highest session condemned of each `(node, boot)`. */
  readonly condemned: readonly SessionId[];
  /** Forgotten tasks were first sent up to this wall clock. */
  readonly horizonMs: number;
}

const STATE_VERSION = 2;

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
  r.finish();
  return { records, finished, condemned, horizonMs };
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
