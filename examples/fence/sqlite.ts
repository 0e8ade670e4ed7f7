/**
 * A fence checked by SQLite. `writeRow` is one statement: the value stands beside its fence, and the database
 * compares and writes in one go. `withFence` is for whatever else has to be written: a transaction that only
 * the newest fence gets through.
 *
 * Open the database with a timeout, `new DatabaseSync(path, { timeout: 5000 })`, or writers that meet fail
 * because it is busy. A process that is stopped inside of a transaction keeps all others out until it goes
 * on: that is safe, but they wait; keep `write` short.
 */
import type { DatabaseSync } from "node:sqlite";

/** `repeated`: this fence has written before, and nothing was done. `refused`: a higher one has written. */
export type Verdict = "written" | "repeated" | "refused";

export function createTables(db: DatabaseSync): void {
  db.exec("create table if not exists document (key text primary key, fence integer not null, value text)");
  db.exec("create table if not exists fences (key text primary key, fence integer not null)");
}

export function writeRow(
  db: DatabaseSync,
  { key, fence, value }: { readonly key: string; readonly fence: bigint; readonly value: string },
): Verdict {
  const { changes } = db.prepare(`
    insert into document (key, fence, value) values (?, ?, ?)
    on conflict (key) do update set fence = excluded.fence, value = excluded.value
    where document.fence < excluded.fence
  `).run(key, fence, value);
  return Number(changes) === 1 ? "written" : against(db, "document", key, fence);
}

/** Calls `write` in a transaction, unless this fence or a higher one came before. A throw undoes all. */
export function withFence(
  db: DatabaseSync,
  { key, fence, write }: { readonly key: string; readonly fence: bigint; readonly write: () => void },
): Verdict {
  db.exec("begin immediate");
  try {
    const { changes } = db.prepare(`
      insert into fences (key, fence) values (?, ?)
      on conflict (key) do update set fence = excluded.fence where fences.fence < excluded.fence
    `).run(key, fence);
    const verdict = Number(changes) === 1 ? "written" : against(db, "fences", key, fence);
    if (verdict === "written") write();
    db.exec("commit");
    return verdict;
  } catch (error) {
    db.exec("rollback");
    throw error;
  }
}

/** Nothing was written: for which reason. Fences only grow, so this may be asked afterwards. */
function against(db: DatabaseSync, table: "document" | "fences", key: string, fence: bigint): Verdict {
  const asked = db.prepare(`select fence from ${table} where key = ?`);
  asked.setReadBigInts(true);
  return asked.get(key)?.["fence"] === fence ? "repeated" : "refused";
}
