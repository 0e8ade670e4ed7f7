/** Rebuilds a keeper's copy of a partition from what it made durable. */
import type { PersistRecord } from "./api.ts";
import type { Keeper } from "./keeper.ts";
import { decodeState } from "./state-codec.ts";

export type KeeperRecord = Extract<
  PersistRecord,
  { readonly type: "promise" | "append" | "snapshot" | "compact" | "install" | "seal" }
>;

/** Applies one durable record, in the order in which they were written. */
export function restoreKeeper(keeper: Keeper, record: KeeperRecord): void {
  const { replica } = keeper;
  switch (record.type) {
    case "promise":
      replica.promised = record.ballot;
      return;
    case "append": {
      // what a later image holds was appended before it
      const skip = Math.max(0, replica.base.index - record.prevIndex);
      if (skip > record.entries.length) return;
      if (record.prevIndex > replica.lastIndex) {
        const { p, prevIndex } = record;
        throw new Error(`Invariant broken: p${p} is stored to ${replica.lastIndex}, then from ${prevIndex}`);
      }
      replica.cut(record.prevIndex + skip);
      for (const entry of record.entries.slice(skip)) replica.append(entry);
      return;
    }
    case "snapshot":
      replica.install(record.end, decodeState(record.state));
      replica.imageBytes = record.state.length;
      return;
    case "compact":
      // in memory the log need not begin later; in a store it comes first
      if (replica.lastIndex < record.end.index) replica.install(record.end, decodeState(record.state));
      replica.imageBytes = record.state.length;
      return;
    case "install":
      keeper.isInstalled = true;
      return;
    case "seal":
      keeper.seal.by = record.by;
      return;
    default:
      return record satisfies never;
  }
}
