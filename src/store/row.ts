/**
 * Records as rows: their bytes and the few facts by which the store knows which of them are still needed
 * (ledger.ts). Many rows travel between the threads as one buffer that is handed over, not copied.
 */
// not by name: Node 18 has no such export, and is to get as far as its refusal (base/check-runtime.ts)
import zlib from "node:zlib";
import type { PersistRecord } from "../protocol/model/contract.ts";

/** Part of the file format. */
export const KIND: Readonly<Record<PersistRecord["type"] | "rosterAnew", number>> = {
  founding: 0,
  roster: 1,
  promise: 2,
  append: 3,
  snapshot: 4,
  compact: 5,
  install: 6,
  seal: 7,
  retire: 8,
  vote: 9,
  /** A roster of another cluster than the one before: all earlier rows are void. */
  rosterAnew: 10,
};

export interface RowHead {
  readonly kind: number;
  /** 0 for records that belong to no partition, like the three that follow. */
  readonly p: number;
  readonly cfg: number;
  /** Index before the first entry of an append. */
  readonly prev: number;
  /** Index of the last entry of an append, or the end of a snapshot. */
  readonly last: number;
}

export interface Row extends RowHead {
  readonly bytes: Uint8Array;
}

const HEAD_BYTES = 33;
const CHECKED = new DataView(new ArrayBuffer(HEAD_BYTES + 4));
const CHECKED_BYTES = new Uint8Array(CHECKED.buffer);

/** CRC-32 over everything that makes a row, its place in the order included. */
export function checksumOf(seq: number, row: Row): number {
  writeHead(CHECKED, 0, row);
  CHECKED.setUint32(HEAD_BYTES - 4, seq % 2 ** 32);
  CHECKED.setUint32(HEAD_BYTES, Math.floor(seq / 2 ** 32));
  return zlib.crc32(row.bytes, zlib.crc32(CHECKED_BYTES));
}

function writeHead(view: DataView, at: number, { kind, p, cfg, prev, last }: RowHead): void {
  view.setUint8(at, kind);
  view.setUint32(at + 1, p);
  view.setFloat64(at + 5, cfg);
  view.setFloat64(at + 13, prev);
  view.setFloat64(at + 21, last);
}

/** Rows in one buffer of their own. */
export function packRows(rows: readonly Row[]): ArrayBuffer {
  const size = rows.reduce((sum, { bytes }) => sum + HEAD_BYTES + bytes.length, 0);
  const buffer = new ArrayBuffer(size);
  const view = new DataView(buffer);
  const all = new Uint8Array(buffer);
  let at = 0;
  for (const row of rows) {
    writeHead(view, at, row);
    view.setUint32(at + HEAD_BYTES - 4, row.bytes.length);
    all.set(row.bytes, at + HEAD_BYTES);
    at += HEAD_BYTES + row.bytes.length;
  }
  return buffer;
}

/** Their bytes are windows onto the buffer. */
export function unpackRows(buffer: ArrayBuffer): readonly Row[] {
  const view = new DataView(buffer);
  const rows: Row[] = [];
  for (let at = 0; at < buffer.byteLength;) {
    const length = view.getUint32(at + HEAD_BYTES - 4);
    rows.push({
      kind: view.getUint8(at),
      p: view.getUint32(at + 1),
      cfg: view.getFloat64(at + 5),
      prev: view.getFloat64(at + 13),
      last: view.getFloat64(at + 21),
      bytes: new Uint8Array(buffer, at + HEAD_BYTES, length),
    });
    at += HEAD_BYTES + length;
  }
  return rows;
}
