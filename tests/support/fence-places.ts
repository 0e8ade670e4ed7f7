/**
 * Where the fence recipes write to: the real thing, started for a test. A place keeps or watches the
 * history of what was accepted, by means that the recipe does not know of.
 */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import { readFenced } from "../../examples/fence/file.ts";
import { fencedService } from "../../examples/fence/http.ts";
import * as onPostgres from "../../examples/fence/postgres.ts";
import * as onSqlite from "../../examples/fence/sqlite.ts";
import type { Kind } from "./fence-targets.ts";
import { pgPool } from "./pg-pool.ts";
import { valueOf } from "./fence-value.ts";
import { postgresMissing, redisMissing, type Server, startPostgres, startRedis } from "./servers.ts";

export interface Place extends AsyncDisposable {
  readonly kind: Kind;
  /** For connectTarget. */
  readonly address: string;
  /** Called before the writes; what it resolves to returns the fences accepted until then, in order. */
  watch(key: string): Promise<() => Promise<readonly bigint[]>>;
}

/** Why the place cannot be started on this machine, or null. */
export function missingFor(kind: Kind): string | null {
  if (kind === "redis") return redisMissing;
  return kind.startsWith("postgres") ? postgresMissing : null;
}

export async function openPlace(kind: Kind): Promise<Place> {
  switch (kind) {
    case "sqlite-row":
    case "sqlite-transaction":
    case "http":
      return await sqlitePlace(kind);
    case "postgres-row":
    case "postgres-transaction":
      return await postgresPlace(kind);
    case "redis":
      return await redisPlace();
    case "file":
      return filePlace();
  }
}

/** A trigger notes each row that was accepted; in a transaction the entries are the history. */
async function sqlitePlace(kind: Kind): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), "stolos-fence-"));
  const path = join(directory, "target.db");
  const db = new DatabaseSync(path, { timeout: 20_000 });
  db.exec("pragma journal_mode = wal");
  onSqlite.createTables(db);
  db.exec("create table entry (id integer primary key autoincrement, key text, fence integer, value text)");
  for (const change of ["insert", "update"]) {
    db.exec(`create trigger noted_${change} after ${change} on document begin
      insert into entry (key, fence, value) values (new.key, new.fence, new.value); end`);
  }
  const service = kind === "http" ? fencedService(db) : null;
  // a connection that the service gives up may be in use again by then: on a busy machine writers pause
  if (service) service.keepAliveTimeout = 0;
  if (service) await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  const port = (service?.address() as AddressInfo | undefined)?.port;
  const prefix = service ? "/" : "";
  const history = (key: string): bigint[] =>
    db.prepare("select cast(fence as text) as fence from entry where key = ? order by id").all(prefix + key)
      .map((row) => BigInt(String(row["fence"])));
  return {
    kind,
    address: service ? `http://127.0.0.1:${port}` : path,
    watch: (key) => Promise.resolve(() => Promise.resolve(history(key))),
    [Symbol.asyncDispose]: async () => {
      service?.closeAllConnections();
      if (service) await new Promise((resolve) => service.close(resolve));
      db.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Both forms write to one server, which is there as long as one of their places is. */
let shared: { readonly server: Promise<Server>; count: number } | null = null;

async function postgresPlace(kind: Kind): Promise<Place> {
  const isFirst = shared === null;
  shared ??= { server: startPostgres(), count: 0 };
  shared.count += 1;
  const { port } = await shared.server;
  const address = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const pool = pgPool(address, 1);
  if (isFirst) {
    await onPostgres.createTables(pool);
    await pool.query("create table entry (id bigserial, key text, fence bigint, value text)");
    await pool.query(`create function note() returns trigger language plpgsql as $$ begin
      insert into entry (key, fence, value) values (new.key, new.fence, new.value); return new; end $$`);
    await pool.query(
      "create trigger noted after insert or update on document for each row execute function note()",
    );
  }
  const history = async (key: string): Promise<bigint[]> =>
    (await pool.query("select fence from entry where key = $1 order by id", [key])).rows
      .map(({ fence }) => BigInt(fence!));
  return {
    kind,
    address,
    watch: (key) => Promise.resolve(() => history(key)),
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      shared!.count -= 1;
      if (shared!.count > 0) return;
      const { server } = shared!;
      shared = null;
      await (await server)[Symbol.asyncDispose]();
    },
  };
}

/** MONITOR shows each command that a script runs, in the order in which they took effect. */
async function redisPlace(): Promise<Place> {
  const server = await startRedis();
  const address = `redis://127.0.0.1:${server.port}`;
  const asking = new Redis(address);
  // while the monitor begins nobody may ask anything: its client would take that for an answer
  await asking.ping();
  const monitor = await asking.monitor();
  return {
    kind: "redis",
    address,
    watch: (key) => {
      const fences: bigint[] = [];
      const reached = Promise.withResolvers<void>();
      monitor.on("monitor", (_time: string, [command, name, _field, fence]: string[]) => {
        if (command?.toLowerCase() === "hset" && name === key) fences.push(BigInt(fence ?? ""));
        if (command?.toLowerCase() === "echo" && name === key) reached.resolve();
      });
      return Promise.resolve(async () => {
        await asking.echo(key);
        await reached.promise;
        return fences;
      });
    },
    [Symbol.asyncDispose]: async () => {
      monitor.disconnect();
      asking.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A reader that reads all the time: what it saw, one after the other. */
function filePlace(): Place {
  const address = mkdtempSync(join(tmpdir(), "stolos-fence-"));
  return {
    kind: "file",
    address,
    watch: (key) => {
      const seen: bigint[] = [];
      let isOver = false;
      const look = async (): Promise<void> => {
        const found = await readFenced(join(address, key));
        if (found && found.value !== valueOf(found.fence)) {
          throw new Error(`Cannot go on: half a file was read, got ${found.value}`);
        }
        if (found && seen.at(-1) !== found.fence) seen.push(found.fence);
      };
      const reading = (async () => {
        for (; !isOver; await new Promise((resolve) => setTimeout(resolve, 1))) await look();
        await look();
      })();
      reading.catch(() => {});
      return Promise.resolve(async () => {
        isOver = true;
        await reading;
        return seen;
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(address, { recursive: true, force: true })),
  };
}
