/**
 * The durable memory of one virtual node. A write is durable when its sync completes and then survives every
 * crash; a write whose sync was under way when the node crashed is gone, all of it.
 */
import type { PersistRecord } from "../protocol/api.ts";
import { decodeRecord, encodeRecord } from "../protocol/record-codec.ts";

export class VirtualDisk {
  #records: PersistRecord[] = [];

  write(records: readonly PersistRecord[]): void {
    for (const record of records) this.#records.push(record);
  }

  wipe(): void {
    this.#records = [];
  }

  /** As read back from bytes. */
  get records(): readonly PersistRecord[] {
    return this.#records.map((record) => decodeRecord(encodeRecord(record)));
  }
}
