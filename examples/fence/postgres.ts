/**
 * A fence checked by PostgreSQL. `writeRow` is one statement: the value stands beside its fence.
 * `withFence` is for whatever else has to be written: a transaction that only the newest fence gets
 * through. It holds the fence's row until it ends, so writers of one key come one after another. Both are
 * safe at any isolation level; above READ COMMITTED they may throw a serialization failure, with nothing
 * written: try again.
 *
 * A process that is stopped inside of the transaction would hold that row for as long as it stands still,
 * and keep out the attempt that took over. So the server ends a transaction that is idle for IDLE: in
 * `write`, wait for nothing but the database.
 */
import type { Sql, TransactionSql } from "postgres";

/** `repeated`: this fence has written before, and nothing was done. `refused`: a higher one has written. */
export type Verdict = "written" | "repeated" | "refused";

const IDLE = "2s";

export async function createTables(sql: Sql): Promise<void> {
  await sql`create table if not exists document (key text primary key, fence bigint not null, value text)`;
  await sql`create table if not exists fences (key text primary key, fence bigint not null)`;
}

export async function writeRow(
  sql: Sql,
  { key, fence, value }: { readonly key: string; readonly fence: bigint; readonly value: string },
): Promise<Verdict> {
  const written = await sql`
    insert into document (key, fence, value) values (${key}, ${String(fence)}, ${value})
    on conflict (key) do update set fence = excluded.fence, value = excluded.value
    where document.fence < excluded.fence
    returning key`;
  if (written.length === 1) return "written";
  // fences only grow, so this may be asked afterwards
  const [row] = await sql`select fence from document where key = ${key}`;
  return row?.["fence"] === String(fence) ? "repeated" : "refused";
}

/**
 * Calls `write` in a transaction, unless this fence or a higher one came before. What it throws undoes
 * all.
 */
export async function withFence(
  sql: Sql,
  { key, fence, write }: {
    readonly key: string;
    readonly fence: bigint;
    readonly write: (transaction: TransactionSql) => Promise<unknown>;
  },
): Promise<Verdict> {
  return await sql.begin<Verdict>(async (transaction) => {
    await transaction`select set_config('idle_in_transaction_session_timeout', ${IDLE}, true)`;
    const raised = await transaction`
      insert into fences (key, fence) values (${key}, ${String(fence)})
      on conflict (key) do update set fence = excluded.fence where fences.fence < excluded.fence
      returning key`;
    if (raised.length === 0) {
      const [row] = await transaction`select fence from fences where key = ${key}`;
      return row?.["fence"] === String(fence) ? "repeated" : "refused";
    }
    await write(transaction);
    return "written";
  });
}
