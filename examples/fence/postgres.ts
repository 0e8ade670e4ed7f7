/**
 * A fence checked by PostgreSQL, with a Pool of `pg`. `writeRow` is one statement: the value stands beside
 * its fence. `withFence` is for whatever else has to be written: a transaction that only the newest fence
 * gets through. It holds the fence's row until it ends, so writers of one key come one after another. Both
 * are safe at any isolation level; above READ COMMITTED they may throw a serialization failure, with
 * nothing written.
 *
 * A process that is stopped inside of the transaction would hold that row for as long as it stands still,
 * and keep out the attempt that took over. So the server ends a transaction that is idle for two seconds:
 * in `write`, wait for nothing but the database. For the same reason take no client that connects anew by
 * itself in the middle of a transaction: what follows would be written outside of it, past the fence.
 */

/** `repeated`: this fence has written before, and nothing was done. `refused`: a higher one has written. */
export type Verdict = "written" | "repeated" | "refused";

/** What is used of `pg`: of its Pool, and of a client that the pool lends. */
export interface Database {
  query(text: string, values?: readonly unknown[]): Promise<Result>;
}
export interface Result {
  readonly command: string;
  readonly rows: readonly { readonly fence?: string }[];
}
export interface Client extends Database {
  on(event: "error", listener: () => void): unknown;
  off(event: "error", listener: () => void): unknown;
  /** With true, the connection is closed, which undoes its transaction. */
  release(isBroken?: boolean): void;
}
export interface Pool extends Database {
  connect(): Promise<Client>;
}

export async function createTables(pool: Pool): Promise<void> {
  await pool.query("create table document (key text primary key, fence bigint not null, value text)");
  await pool.query("create table fences (key text primary key, fence bigint not null)");
}

export async function writeRow(
  pool: Pool,
  { key, fence, value }: { readonly key: string; readonly fence: bigint; readonly value: string },
): Promise<Verdict> {
  const written = await pool.query(
    `insert into document (key, fence, value) values ($1, $2, $3)
      on conflict (key) do update set fence = excluded.fence, value = excluded.value
      where document.fence < excluded.fence
      returning fence`,
    [key, String(fence), value],
  );
  if (written.rows.length === 1) return "written";
  // fences only grow, so this may be asked afterwards
  const { rows: [row] } = await pool.query("select fence from document where key = $1", [key]);
  return row?.fence === String(fence) ? "repeated" : "refused";
}

/** Calls `write` in a transaction, unless this fence or a higher one came before. A throw undoes all. */
export async function withFence(
  pool: Pool,
  { key, fence, write }: {
    readonly key: string;
    readonly fence: bigint;
    readonly write: (database: Database) => Promise<unknown>;
  },
): Promise<Verdict> {
  const client = await pool.connect();
  // when the server has closed the connection, the next query fails as well
  const ignore = (): void => {};
  client.on("error", ignore);
  try {
    await client.query("begin");
    await client.query("set local idle_in_transaction_session_timeout = '2s'");
    const verdict = await raise(client, key, fence);
    if (verdict === "written") await write(client);
    const { command } = await client.query("commit");
    // a transaction in which a statement failed is rolled back, and this alone says so
    if (command !== "COMMIT") throw new Error(`Cannot commit under fence ${fence}: got ${command}`);
    client.off("error", ignore);
    client.release();
    return verdict;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function raise(client: Client, key: string, fence: bigint): Promise<Verdict> {
  const raised = await client.query(
    `insert into fences (key, fence) values ($1, $2)
      on conflict (key) do update set fence = excluded.fence where fences.fence < excluded.fence
      returning fence`,
    [key, String(fence)],
  );
  if (raised.rows.length === 1) return "written";
  const { rows: [row] } = await client.query("select fence from fences where key = $1", [key]);
  return row?.fence === String(fence) ? "repeated" : "refused";
}
