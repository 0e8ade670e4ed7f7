/**
 * The row of facts about the node itself: boots, key, and a tally of all records, by which rows that a
 * damaged page lost, or brought back, are noticed.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";

export interface NodeFacts {
  /** Starts of this identity. */
  readonly boot: number;
  /** Transactions since the store was made. */
  readonly commitCount: number;
  readonly rowCount: number;
  /** Exclusive or of the rows' checksums. */
  readonly tally: number;
  /** Empty until there is one. */
  readonly privateKey: Uint8Array;
}

const NUMBERS_BYTES = 32;

export class NodeFactsTable {
  readonly #read: StatementSync;
  readonly #write: StatementSync;

  constructor(db: DatabaseSync) {
    this.#read = db.prepare("SELECT facts, checksum FROM node WHERE id = 1");
    this.#write = db.prepare("INSERT OR REPLACE INTO node (id, facts, checksum) VALUES (1, ?, ?)");
  }

  /** Null if there are none yet, "damaged" if they are not what was written. */
  read(): NodeFacts | "damaged" | null {
    const row = this.#read.get();
    if (!row) return null;
    const bytes = row["facts"];
    if (!(bytes instanceof Uint8Array) || bytes.length < NUMBERS_BYTES) return "damaged";
    if (crc32(bytes) !== row["checksum"]) return "damaged";
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return {
      boot: view.getFloat64(0),
      commitCount: view.getFloat64(8),
      rowCount: view.getFloat64(16),
      tally: view.getFloat64(24),
      privateKey: bytes.slice(NUMBERS_BYTES),
    };
  }

  write({ boot, commitCount, rowCount, tally, privateKey }: NodeFacts): void {
    const bytes = new Uint8Array(NUMBERS_BYTES + privateKey.length);
    const view = new DataView(bytes.buffer);
    [boot, commitCount, rowCount, tally].forEach((value, at) => view.setFloat64(8 * at, value));
    bytes.set(privateKey, NUMBERS_BYTES);
    this.#write.run(bytes, crc32(bytes));
  }
}
