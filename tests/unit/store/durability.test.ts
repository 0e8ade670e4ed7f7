/** That a commit is synced: nothing else shows it short of a power cut. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RecordFile } from "../../../src/store/record-file.ts";

/** Everything that is executed as text while `run` runs. */
function statementsOf(run: () => void): readonly string[] {
  const statements: string[] = [];
  const real = DatabaseSync.prototype.exec;
  DatabaseSync.prototype.exec = function (sql: string): void {
    statements.push(sql);
    real.call(this, sql);
  };
  try {
    run();
  } finally {
    DatabaseSync.prototype.exec = real;
  }
  return statements;
}

test("the database syncs its log with every commit", () => {
  const directory = mkdtempSync(join(tmpdir(), "stolos-durability-"));
  try {
    const statements = statementsOf(() => RecordFile.open(directory).close());
    const settings = statements.join("\n").match(/PRAGMA synchronous\s*=\s*\w+/gi);
    expect(settings).toEqual(["PRAGMA synchronous = FULL"]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
