/**
 * The durable memory of one virtual node. A write is durable when its sync completes and then survives every
 * crash; a write whose sync was under way when the node crashed is gone, all of it.
 */
import type { PersistRecord } from "../protocol/api.ts";

export class VirtualDisk {
  readonly #records: PersistRecord[] = [];

  write(records: readonly PersistRecord[]): void {
    for (const record of records) this.#records.push(record);
  }

  get records(): readonly PersistRecord[] {
    return this.#records;
  }
}
