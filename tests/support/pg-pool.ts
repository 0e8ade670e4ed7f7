/** Connections to PostgreSQL for the tests of the fence recipe: `pg`, with the types that the recipe uses. */
// @ts-expect-error: pg brings no types, and what is used of it the recipe declares
import pg from "pg";
import type { Pool } from "../../examples/fence/postgres.ts";

export interface PgPool extends Pool {
  end(): Promise<void>;
}

export function pgPool(address: string, max: number): PgPool {
  const pool = new pg.Pool({ connectionString: address, max });
  // of a connection that nobody uses: the server ends
  pool.on("error", () => {});
  return pool;
}
