/** What the fence recipes say of themselves beyond the common suite, each on the real thing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { linkSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as file from "../../examples/fence/file.ts";
import * as onPostgres from "../../examples/fence/postgres.ts";
import * as onSqlite from "../../examples/fence/sqlite.ts";
import { openPlace, type Place } from "../support/fence-places.ts";
import { read } from "../tidy/source.ts";
import { pgPool } from "../support/pg-pool.ts";
import { postgresMissing } from "../support/servers.ts";

/** A directory that goes with the test. */
class Scratch implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "stolos-edge-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

let database: Place | null = null;
beforeAll(async () => {
  if (postgresMissing === null) database = await openPlace("postgres-transaction");
});
afterAll(() => database?.[Symbol.asyncDispose]());

const claim = (text: string): string =>
  postgresMissing === null ? text : `${text} (skipped: ${postgresMissing})`;

test("SQLite: a transaction that fails takes its fence back, so the same attempt may try again", () => {
  const db = new DatabaseSync(":memory:");
  onSqlite.createTables(db);
  const fail = (): void => {
    throw new Error("no room");
  };
  expect(() => onSqlite.withFence(db, { key: "a", fence: 5n, write: fail })).toThrow("no room");
  expect(onSqlite.withFence(db, { key: "a", fence: 5n, write: () => {} })).toBe("written");
  db.close();
});

test.skipIf(postgresMissing !== null)(
  claim("PostgreSQL: a transaction that fails takes its fence back, so the same attempt may try again"),
  async () => {
    const pool = pgPool(database!.address, 1);
    const tried = (write: () => Promise<unknown>): Promise<string> =>
      onPostgres.withFence(pool, { key: "failing", fence: 5n, write }).catch((error) => error.message);
    expect(await tried(() => Promise.reject(new Error("no room")))).toBe("no room");
    expect(await tried(() => Promise.resolve())).toBe("written");
    await pool.end();
  },
);

test.skipIf(postgresMissing !== null)(
  claim("PostgreSQL: a transaction whose failure was swallowed does not pass for written"),
  async () => {
    const pool = pgPool(database!.address, 1);
    const write = (each: onPostgres.Database): Promise<unknown> => each.query("select 1 / 0").catch(() => {});
    const failing = onPostgres.withFence(pool, { key: "swallowed", fence: 5n, write });
    expect(await failing.catch((error) => error.message)).toContain("Cannot commit under fence 5");
    expect((await pool.query("select fence from fences where key = 'swallowed'")).rows).toEqual([]);
    await pool.end();
  },
);

test.skipIf(postgresMissing !== null)(
  claim("PostgreSQL: who stands still inside of the transaction does not keep the next attempt out"),
  async () => {
    const [older, newer] = [pgPool(database!.address, 1), pgPool(database!.address, 1)];
    const told = await database!.watch("still");
    const inside = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const entry = (each: onPostgres.Database, fence: number): Promise<unknown> =>
      each.query("insert into entry (key, fence, value) values ('still', $1, '')", [fence]);
    const late = onPostgres.withFence(older, {
      key: "still",
      fence: 5n,
      write: async (each) => {
        await entry(each, 5);
        inside.resolve();
        await goOn.promise;
        await entry(each, 5);
      },
    });
    const ended = late.then(() => "written", () => "thrown");
    await inside.promise;
    // others wait for the pool of the one that stands still: its connection must not be used for its write
    const waiting = older.query("select 1");
    const write = (each: onPostgres.Database): Promise<unknown> => entry(each, 6);
    expect(await onPostgres.withFence(newer, { key: "still", fence: 6n, write })).toBe("written");
    goOn.resolve();
    expect(await ended).toBe("thrown");
    await waiting;
    expect(await told()).toEqual([6n]);
    await Promise.all([older.end(), newer.end()]);
  },
);

test("files: a refused writer leaves no file of its own", async () => {
  using scratch = new Scratch();
  const directory = join(scratch.path, "report");
  await file.writeFenced(directory, { fence: 6n, value: "new" });
  expect(await file.writeFenced(directory, { fence: 5n, value: "late" })).toBe("refused");
  expect(readdirSync(directory)).toEqual(["00000000000000000006"]);
});

test("files: a link that comes late, from a writer that then dies, is read by nobody", async () => {
  using scratch = new Scratch();
  const directory = join(scratch.path, "report");
  await file.writeFenced(directory, { fence: 6n, value: "new" });
  writeFileSync(join(directory, ".late"), "late");
  linkSync(join(directory, ".late"), join(directory, "00000000000000000005"));
  expect(await file.readFenced(directory)).toEqual({ fence: 6n, value: "new" });
  expect(await file.writeFenced(directory, { fence: 7n, value: "newer" })).toBe("written");
  expect(await file.readFenced(directory)).toEqual({ fence: 7n, value: "newer" });
});

test("files: comparing and then renaming over one file lets a late writer win", () => {
  using scratch = new Scratch();
  const path = (name: string): string => join(scratch.path, name);
  const fenceThere = (): number => Number(readFileSync(path("report"), "utf8").split(" ")[0]);
  const compared = (fence: number): () => void => {
    writeFileSync(path(`new-${fence}`), `${fence} content`);
    if (fenceThere() >= fence) return () => {};
    return () => renameSync(path(`new-${fence}`), path("report"));
  };
  writeFileSync(path("report"), "4 content");
  const rename = compared(5); // and here it is stopped
  compared(6)();
  rename();
  expect(fenceThere()).toBe(5);
});

/** From docs/fencing.md: how an attempt that writes often numbers its writes. */
const STEPS = /insert into cursor[^]*?(?=\n```)/.exec(read("docs/fencing.md"))![0];
const CURSOR = "create table cursor (key text primary key, fence bigint, step bigint, value text)";
/** Fence, step, and whether it is accepted. */
const NUMBERED = [[5, 1, true], [5, 2, true], [5, 2, false], [5, 1, false], [6, 1, true], [
  5,
  3,
  false,
]] as const;

test("SQLite: numbered writes under one fence are each accepted once, in their order", () => {
  const db = new DatabaseSync(":memory:");
  db.exec(CURSOR);
  const statement = db.prepare(STEPS.replace(/\$\d/g, "?"));
  const accepted = NUMBERED.map(([fence, step]) =>
    Number(statement.run("a", fence, step, "x").changes) === 1
  );
  expect(accepted).toEqual(NUMBERED.map(([, , isAccepted]) => isAccepted));
  db.close();
});

test.skipIf(postgresMissing !== null)(
  claim("PostgreSQL: numbered writes under one fence are each accepted once, in their order"),
  async () => {
    const pool = pgPool(database!.address, 1);
    await pool.query(CURSOR);
    const accepted: boolean[] = [];
    for (const [fence, step] of NUMBERED) {
      const { rows } = await pool.query(`${STEPS} returning fence`, ["a", fence, step, "x"]);
      accepted.push(rows.length === 1);
    }
    expect(accepted).toEqual(NUMBERED.map(([, , isAccepted]) => isAccepted));
    await pool.end();
  },
);

test("HTTP: the service demands a fence, and one that is a number", async () => {
  await using place = await openPlace("http");
  const put = async (headers: Record<string, string>): Promise<number> => {
    const response = await fetch(`${place.address}/a`, { method: "PUT", headers, body: "x" });
    await response.text();
    return response.status;
  };
  expect(await put({})).toBe(428);
  for (const fence of ["", "-1", "1.5", "many", "1, 2"]) {
    expect(await put({ "Stolos-Fence": fence })).toBe(400);
  }
  expect(await put({ "Stolos-Fence": "6" })).toBe(200);
  expect(await put({ "Stolos-Fence": "5" })).toBe(412);
});
