/** A record as a row. Apart from row.ts, so that the store's thread starts without the protocol's codecs. */
import type { PersistRecord } from "../protocol/model/contract.ts";
import { encodeRecord } from "../protocol/wire/records.ts";
import { KIND, type Row, type RowHead } from "./row.ts";

/** `isAnew`: the roster is of another cluster than the last one. */
export function rowOf(record: PersistRecord, isAnew: boolean): Row {
  return { ...headOf(record, isAnew), bytes: encodeRecord(record) };
}

/** What a row says of its record besides the bytes. */
export function headOf(record: PersistRecord, isAnew: boolean): RowHead {
  const none = { p: 0, cfg: 0, prev: 0, last: 0 };
  switch (record.type) {
    case "founding":
    case "vote":
      return { ...none, kind: KIND[record.type] };
    case "roster":
      return { ...none, kind: isAnew ? KIND.rosterAnew : KIND.roster };
    case "promise":
      return { ...none, kind: KIND.promise, p: record.p, cfg: record.ballot.cfg };
    case "append": {
      const { p, cfg, prevIndex: prev, entries } = record;
      return { kind: KIND.append, p, cfg, prev, last: prev + entries.length };
    }
    case "snapshot":
    case "compact": {
      const { p, cfg, end } = record;
      return { kind: KIND[record.type], p, cfg, prev: 0, last: end.index };
    }
    case "install":
    case "seal":
    case "retire":
      return { ...none, kind: KIND[record.type], p: record.p, cfg: record.cfg };
    default:
      return record satisfies never;
  }
}
