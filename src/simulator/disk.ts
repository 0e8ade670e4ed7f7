/**
 * The durable memory of one virtual node. A write is durable when its sync completes and then survives every
 * crash; a write whose sync was under way when the node crashed is gone, all of it. What is read back is what
 * the real store would read back: only the rows that its ledger still needs, in its order.
 */
import type { Effect, PersistRecord } from "../protocol/model/contract.ts";
import { decodeRecord, encodeRecord } from "../protocol/wire/records.ts";
import { Ledger } from "../store/ledger.ts";
import { headOf } from "../store/record-row.ts";

export class VirtualDisk {
  #recordBySeq: Map<number, PersistRecord> = new Map();
  #ledger: Ledger = new Ledger();
  #cluster = "";
  #seq = 0;

  write(records: readonly PersistRecord[]): void {
    for (const record of records) {
      const isAnew = record.type === "roster" && this.#cluster !== "" &&
        record.roster.cluster !== this.#cluster;
      if (record.type === "roster") this.#cluster = record.roster.cluster;
      const seq = ++this.#seq;
      this.#recordBySeq.set(seq, record);
      this.#ledger.add({ ...headOf(record, isAnew), seq, byteCount: 1, checksum: 0 });
    }
    for (const { seq } of this.#ledger.takeDead()) this.#recordBySeq.delete(seq);
  }

  wipe(): void {
    this.#recordBySeq = new Map();
    this.#ledger = new Ledger();
    this.#cluster = "";
  }

  /** As read back from bytes. */
  get records(): readonly PersistRecord[] {
    return this.#ledger.live().map(({ seq }) => decodeRecord(encodeRecord(this.#recordBySeq.get(seq)!)));
  }
}

/** Takes the writes out of what waits for the disk: as at the real host, one sync is for all of them. */
export function takeWrites(waiting: Effect[]): readonly (readonly PersistRecord[])[] {
  const writes = waiting.flatMap((effect) => effect.type === "persist" ? [effect.records] : []);
  const rest = waiting.filter((effect) => effect.type !== "persist");
  waiting.splice(0, waiting.length, ...rest);
  return writes;
}
