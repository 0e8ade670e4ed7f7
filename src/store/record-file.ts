/**
 * The database of one node, synchronously: opened for one process alone, read and checked once, then written
 * in transactions that are durable when they return. On which thread that happens is its owner's choice.
 */
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Ledger, type LedgerRow } from "./ledger.ts";
import { type NodeFacts, NodeFactsTable } from "./node-facts.ts";
import { checksumOf, type Row } from "./row.ts";
import { migrate, versionOf } from "./schema.ts";
import { busy, DATABASE_FILE, Mark, noteOwner } from "./side-files.ts";
import { damaged, storeErrorOf } from "./store-error.ts";

/** How long to wait for a process that is just ending. */
const BUSY_MS = 500;
const ROWS_A_READ = 256;
/** What a row costs beside its record. */
const ROW_BYTES = 48;
/** Rows that nobody needs are left alone up to so many bytes, or as many as are needed. */
const DEAD_BYTES_MIN = 4 * 1024 * 1024;
/** Deleted in one commit at least; four times what it adds if that is more, so that deleting keeps up. */
const DELETED_A_COMMIT = 64;
/** Pages given back to the file system in one commit, while more than half of the file is free. */
const PAGES_GIVEN_BACK = 256;
const FREE_PAGES_MIN = 2048;
const COMMITS_A_LOOK = 64;

export class RecordFile {
  readonly #attempt: string;
  readonly #db: DatabaseSync;
  readonly #mark: Mark;
  readonly #facts: NodeFactsTable;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #ledger: Ledger = new Ledger();
  #known: NodeFacts = { boot: 0, commitCount: 0, rowCount: 0, tally: 0, privateKey: new Uint8Array(0) };
  #nextSeq = 1;
  /** To be deleted, oldest first. */
  #doomed: LedgerRow[] = [];
  #doomedAt = 0;
  #isShrinking = false;
  #rows: readonly Row[] = [];

  /** @throws StoreError */
  static open(directory: string): RecordFile {
    const attempt = `open the store in ${directory}`;
    let db: DatabaseSync | null = null;
    try {
      Mark.make(directory);
      db = openDatabase(directory, attempt);
      noteOwner(directory);
      return new RecordFile(db, directory, attempt);
    } catch (error) {
      db?.close();
      const known = storeErrorOf(attempt, error);
      throw known.code === "STORE_BUSY" ? busy(directory, error) : known;
    }
  }

  constructor(db: DatabaseSync, directory: string, attempt: string) {
    this.#db = db;
    this.#attempt = attempt;
    this.#facts = new NodeFactsTable(db);
    this.#insert = db.prepare("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#delete = db.prepare("DELETE FROM record WHERE seq = ?");
    this.#checkPages();
    this.#readFacts(Mark.read(directory));
    this.#readRows();
    this.#mark = Mark.open(directory);
    try {
      this.#transact({ ...this.#known, boot: this.#known.boot + 1 }, () => {});
      this.#mark.sync();
    } catch (error) {
      this.#mark.close();
      throw error;
    }
  }

  get boot(): number {
    return this.#known.boot;
  }

  /** Empty until there is one. */
  get privateKey(): Uint8Array {
    return this.#known.privateKey;
  }

  /** What was there at the start, to be replayed; only once, for it is not kept. */
  takeRows(): readonly Row[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  /**
   * Durable when it returns; when it throws, nothing was written and the same may be tried again.
   *
   * @throws StoreError
   */
  commit(rows: readonly Row[]): void {
    const added = rows.map((row, at) => this.#ledgerRow(this.#nextSeq + at, row));
    const deleted = this.#toDelete(rows.length);
    let { tally } = this.#known;
    for (const { checksum } of added) tally ^= checksum;
    for (const { checksum } of deleted) tally ^= checksum;
    const rowCount = this.#known.rowCount + added.length - deleted.length;
    try {
      this.#transact({ ...this.#known, rowCount, tally: tally >>> 0 }, () => {
        added.forEach(({ seq, checksum }, at) => {
          const { kind, p, cfg, prev, last, bytes } = rows[at]!;
          this.#insert.run(seq, kind, p, cfg, prev, last, bytes, checksum);
        });
        for (const { seq } of deleted) this.#delete.run(seq);
      });
    } catch (error) {
      throw storeErrorOf("write to the store", error);
    }
    this.#nextSeq += added.length;
    this.#doomedAt += deleted.length;
    for (const row of added) this.#ledger.add(row);
  }

  /** @throws StoreError */
  keepPrivateKey(privateKey: Uint8Array): void {
    try {
      this.#transact({ ...this.#known, privateKey: privateKey.slice() }, () => {});
    } catch (error) {
      throw storeErrorOf("keep the node's key in the store", error);
    }
  }

  close(): void {
    this.#mark.close();
    this.#db.close();
  }

  #transact(facts: NodeFacts, write: () => void): void {
    const next = { ...facts, commitCount: this.#known.commitCount + 1 };
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      write();
      this.#facts.write(next);
      if (next.commitCount % COMMITS_A_LOOK === 0 || this.#isShrinking) this.#giveBack();
      this.#db.exec("COMMIT");
    } catch (error) {
      // SQLite has rolled back by itself after some errors
      try {
        this.#db.exec("ROLLBACK");
      } catch { /* then there is nothing to roll back */ }
      throw error;
    }
    this.#known = next;
    this.#mark.write(next.commitCount);
  }

  #giveBack(): void {
    const free = this.#pragma("freelist_count");
    this.#isShrinking = free > FREE_PAGES_MIN && free * 2 > this.#pragma("page_count");
    if (this.#isShrinking) this.#db.exec(`PRAGMA incremental_vacuum(${PAGES_GIVEN_BACK})`);
  }

  #pragma(name: string): number {
    return Number(this.#db.prepare(`PRAGMA ${name}`).get()?.[name]);
  }

  #toDelete(addedCount: number): readonly LedgerRow[] {
    const { deadBytes, liveBytes } = this.#ledger;
    const isDone = this.#doomedAt === this.#doomed.length;
    if (isDone && deadBytes > Math.max(DEAD_BYTES_MIN, liveBytes)) {
      this.#doomed = this.#ledger.takeDead();
      this.#doomedAt = 0;
    }
    return this.#doomed.slice(this.#doomedAt, this.#doomedAt + Math.max(DELETED_A_COMMIT, 4 * addedCount));
  }

  #ledgerRow(seq: number, row: Row): LedgerRow {
    const { kind, p, cfg, prev, last, bytes } = row;
    const checksum = checksumOf(seq, row);
    return { seq, kind, p, cfg, prev, last, byteCount: bytes.length + ROW_BYTES, checksum };
  }

  // ---- reading --------------------------------------------------------------------------------------------

  #checkPages(): void {
    const found = this.#db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (found !== "ok") throw damaged(this.#attempt, `${DATABASE_FILE} is damaged: ${String(found)}`);
  }

  #readFacts(durableCount: number): void {
    const facts = this.#facts.read();
    if (facts === "damaged") throw damaged(this.#attempt, `the node's facts in ${DATABASE_FILE} are damaged`);
    if (facts) this.#known = facts;
    const { commitCount } = this.#known;
    if (commitCount >= durableCount) return;
    const what = `its last ${durableCount - commitCount} of ${durableCount} commits are missing from`;
    throw damaged(this.#attempt, `${what} ${DATABASE_FILE} and ${DATABASE_FILE}-wal`);
  }

  #readRows(): void {
    const read = this.#db.prepare("SELECT * FROM record WHERE seq >= ? ORDER BY seq LIMIT ?");
    const rowBySeq = new Map<number, Row>();
    let rowCount = 0;
    let tally = 0;
    for (;;) {
      const page = read.all(this.#nextSeq, ROWS_A_READ);
      for (const columns of page) {
        const row = this.#checkedRow(columns);
        rowBySeq.set(row.seq, row);
        this.#ledger.add(this.#ledgerRow(row.seq, row));
        tally ^= row.checksum;
        this.#nextSeq = row.seq + 1;
      }
      rowCount += page.length;
      for (const row of this.#ledger.takeDead()) {
        rowBySeq.delete(row.seq);
        this.#doomed.push(row);
      }
      if (page.length < ROWS_A_READ) break;
    }
    if (rowCount !== this.#known.rowCount || tally >>> 0 !== this.#known.tally) {
      const what =
        `${DATABASE_FILE} must hold ${this.#known.rowCount} records with tally ${this.#known.tally}`;
      throw damaged(this.#attempt, `${what}, got ${rowCount} with ${tally >>> 0}`);
    }
    this.#doomed.sort((a, b) => a.seq - b.seq);
    this.#rows = this.#ledger.live().map(({ seq }) => rowBySeq.get(seq)!);
  }

  #checkedRow(columns: Record<string, unknown>): Row & { readonly seq: number; readonly checksum: number } {
    // the table is strict, and the checksum covers every column
    const row = columns as unknown as Row & { readonly seq: number; readonly checksum: number };
    if (checksumOf(row.seq, row) === row.checksum) return row;
    throw damaged(this.#attempt, `record ${row.seq} in ${DATABASE_FILE} does not match its checksum`);
  }
}

function openDatabase(directory: string, attempt: string): DatabaseSync {
  const db = new DatabaseSync(join(directory, DATABASE_FILE));
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA locking_mode = EXCLUSIVE`);
    const version = versionOf(db, attempt);
    if (version === 0) db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216");
    // a transaction of its own takes hold of the file for as long as it is open
    db.exec("BEGIN IMMEDIATE; COMMIT");
    migrate(db, version);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
