/**
 * The fence recipes of examples/fence as one kind of thing, so that one suite, other processes and handlers
 * of Stolos write through any of them. A target is one writer's own connection to a place
 * (fence-places.ts), which is named by an address.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import * as file from "../../examples/fence/file.ts";
import { putFenced } from "../../examples/fence/http.ts";
import * as onPostgres from "../../examples/fence/postgres.ts";
import * as onRedis from "../../examples/fence/redis.ts";
import * as onSqlite from "../../examples/fence/sqlite.ts";
import { pgPool } from "./pg-pool.ts";

/** The two SQL recipes have two forms each: one row, and a transaction around other writes. */
export type Kind =
  | "sqlite-row"
  | "sqlite-transaction"
  | "postgres-row"
  | "postgres-transaction"
  | "redis"
  | "file"
  | "http";

export type Verdict = "written" | "repeated" | "refused";

export interface Write {
  readonly key: string;
  readonly fence: bigint;
  readonly value: string;
}

export interface Target extends AsyncDisposable {
  write(write: Write): Promise<Verdict>;
  /** The value that stands, or null. */
  read(key: string): Promise<string | null>;
}

export function connectTarget(kind: Kind, address: string): Target {
  switch (kind) {
    case "sqlite-row":
    case "sqlite-transaction":
      return sqliteTarget(kind, address);
    case "postgres-row":
    case "postgres-transaction":
      return postgresTarget(kind, address);
    case "redis": {
      const redis = new Redis(address);
      return {
        write: (write) => onRedis.writeFenced(redis, write),
        read: (key) => redis.hget(key, "value"),
        [Symbol.asyncDispose]: async () => void await redis.quit(),
      };
    }
    case "file":
      return {
        write: ({ key, ...write }) => file.writeFenced(join(address, key), write),
        read: async (key) => (await file.readFenced(join(address, key)))?.value ?? null,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    case "http":
      return {
        write: ({ key, ...write }) => putFenced(`${address}/${key}`, write),
        read: async (key) => {
          const response = await fetch(`${address}/${key}`);
          const value = await response.text();
          return response.ok ? value : null;
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
  }
}

/** In a transaction, the effect is one more line of `entry`: what stands is the last one. */
function sqliteTarget(kind: Kind, address: string): Target {
  const db = new DatabaseSync(address, { timeout: 20_000 });
  const entry = ({ key, fence, value }: Write): void => {
    db.prepare("insert into entry (key, fence, value) values (?, ?, ?)").run(key, fence, value);
  };
  const read = kind === "sqlite-row"
    ? "select value from document where key = ?"
    : "select value from entry where key = ? order by id desc limit 1";
  return {
    write: (write) =>
      Promise.resolve(
        kind === "sqlite-row"
          ? onSqlite.writeRow(db, write)
          : onSqlite.withFence(db, { ...write, write: () => entry(write) }),
      ),
    read: (key) => Promise.resolve(db.prepare(read).get(key)?.["value"] as string ?? null),
    [Symbol.asyncDispose]: () => Promise.resolve(db.close()),
  };
}

function postgresTarget(kind: Kind, address: string): Target {
  const pool = pgPool(address, 4);
  const [insert, read] = [
    "insert into entry (key, fence, value) values ($1, $2, $3)",
    kind === "postgres-row"
      ? "select value from document where key = $1"
      : "select value from entry where key = $1 order by id desc limit 1",
  ];
  return {
    write: (write) => {
      if (kind === "postgres-row") return onPostgres.writeRow(pool, write);
      const { key, fence, value } = write;
      return onPostgres.withFence(pool, {
        key,
        fence,
        write: (database) => database.query(insert, [key, String(fence), value]),
      });
    },
    read: async (key) => {
      const [row] = (await pool.query(read, [key])).rows as readonly { readonly value?: string }[];
      return row?.value ?? null;
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
