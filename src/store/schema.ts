/** The database's tables and their versions. A new version adds a migration; old ones are never changed. */
import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "./store-error.ts";

/** Each lifts the schema by one version. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE record (
     seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, p INTEGER NOT NULL, cfg INTEGER NOT NULL,
     prev INTEGER NOT NULL, last INTEGER NOT NULL, bytes BLOB NOT NULL, checksum INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE node (
     id INTEGER PRIMARY KEY CHECK (id = 1), facts BLOB NOT NULL, checksum INTEGER NOT NULL
   ) STRICT;`,
];

const SCHEMA_VERSION: number = MIGRATIONS.length;

/** The version of an open database; 0 for a new one. Refuses one that is newer than this code. */
export function versionOf(db: DatabaseSync, attempt: string): number {
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version <= SCHEMA_VERSION) return version;
  throw new StoreError(
    "STORE_NEWER",
    `Cannot ${attempt}: its schema must be of version ${SCHEMA_VERSION} or older, got ${version}. ` +
      "A newer version of this program wrote it: run that one",
  );
}

/** In one transaction, so that a crash leaves one version or the other. */
export function migrate(db: DatabaseSync, from: number): void {
  if (from === SCHEMA_VERSION) return;
  db.exec("BEGIN IMMEDIATE");
  for (const migration of MIGRATIONS.slice(from)) db.exec(migration);
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  db.exec("COMMIT");
}
