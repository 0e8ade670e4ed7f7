/**
 * A whole copy of a partition as bytes: the state as of its last entry known to be chosen, and the entries
 * behind it, which may be chosen too. What a sealed keeper hands to the configuration that follows.
 */
import { readEntries, writeEntries } from "./codec-operations.ts";
import { readLogEnd, writeLogEnd } from "./codec-parts.ts";
import { LIMITS } from "./limits.ts";
import { decodeState, encodeState, type PartitionState } from "./state-codec.ts";
import type { Entry, LogEnd } from "./types.ts";
import { Reader } from "./wire-reader.ts";
import { Writer } from "./wire.ts";

export interface Image {
  readonly end: LogEnd;
  readonly state: PartitionState;
  /** Entries after `end`. */
  readonly tail: readonly Entry[];
}

const IMAGE_BYTES_MAX = LIMITS.stateBytesMax + LIMITS.logBytesMax;

/** Throws a RangeError when it is over its limits. */
export function encodeImage(image: Image): Uint8Array {
  const w = new Writer(IMAGE_BYTES_MAX);
  writeLogEnd(w, image.end);
  w.bytes(LIMITS.stateBytesMax, encodeState(image.state));
  writeEntries(w, LIMITS.entriesPerRecordMax, null, image.tail);
  return w.toBytes();
}

/** Throws a ProtocolError if `bytes` are not exactly an image. */
export function decodeImage(bytes: Uint8Array): Image {
  const r = new Reader().reset(bytes, "partition image");
  const end = readLogEnd(r);
  const state = decodeState(r.view(LIMITS.stateBytesMax));
  const tail = readEntries(r, LIMITS.entriesPerRecordMax, null);
  r.finish();
  return { end, state, tail };
}
