/** Rebuilds a keeper's copy of a partition from what it made durable. */
import type { PersistRecord } from "./api.ts";
import type { Replica } from "./replica.ts";
import { decodeState } from "./state-codec.ts";

/** Applies one durable record, in the order in which they were written. */
export function restoreReplica(
  replica: Replica,
  record: Extract<PersistRecord, { type: "promise" | "append" | "snapshot" }>,
): void {
  switch (record.type) {
    case "promise":
      replica.promised = record.ballot;
      return;
    case "append":
      replica.cut(record.prevIndex);
      for (const entry of record.entries) replica.append(entry);
      return;
    case "snapshot":
      replica.install(record.end, decodeState(record.state));
      return;
    default:
      return record satisfies never;
  }
}
