/** Directories that are not what was written: named, never read as something else. */
import { afterAll, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { decodeRecord } from "../../../src/protocol/wire/records.ts";
import { RecordFile } from "../../../src/store/record-file.ts";
import { rowOf } from "../../../src/store/record-row.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { meaningOf, record } from "../../support/records.ts";
import { killedWriter } from "../../support/store-fixture.ts";

const ROOT = fs.mkdtempSync(join(tmpdir(), "stolos-damage-"));
afterAll(() => fs.rmSync(ROOT, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(ROOT, String(count++));

/** What a directory comes to when it is opened: its meaning, or the code of the error. */
function outcomeOf(directory: string): string {
  let file: RecordFile;
  try {
    file = RecordFile.open(directory);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    expect(error.message).toStartWith(`Cannot open the store in ${directory}: `);
    return error.code;
  }
  const key = new TextDecoder().decode(file.privateKey);
  const text = `${key}\n${meaningOf(file.takeRows().map(({ bytes }) => decodeRecord(bytes)))}`;
  file.close();
  return text;
}

function closedStore(): string {
  const directory = fresh();
  const file = RecordFile.open(directory);
  file.keepPrivateKey(new TextEncoder().encode("the first key"));
  for (let at = 0; at < 40; at++) {
    const records = [record.promise(at), record.append(at, 1), record.append(at, 1, 1, { p: at % 7 + 2 })];
    file.commit([...records, record.vote(at)].map((each) => rowOf(each, false)));
  }
  file.commit([rowOf(record.image("compact", 12), false)]);
  file.close();
  return directory;
}

function copyOf(directory: string): string {
  const copy = fresh();
  fs.cpSync(directory, copy, { recursive: true });
  return copy;
}

/** The child's newest promise, whose number is that of the write. */
function promisedOf(outcome: string): number {
  return Number(/promise,(\d+)/.exec(outcome)?.[1] ?? -1);
}

/** Writes that the child has under way at once. */
const UNACKED_MAX = 5;

/** Opens copies of the directory, each with one flipped bit; returns how many were refused. */
function flipAll(
  directory: string,
  { file, stride, acked = Infinity }: {
    readonly file: string;
    readonly stride: number;
    readonly acked?: number;
  },
): { readonly tried: number; readonly refused: number } {
  const whole = outcomeOf(copyOf(directory));
  expect(whole).not.toStartWith("STORE_");
  const size = fs.statSync(join(directory, file)).size;
  let [tried, refused] = [0, 0];
  for (let at = 0; at < size; at += stride) {
    const copy = copyOf(directory);
    const path = join(copy, file);
    const bytes = fs.readFileSync(path);
    bytes[at]! ^= 1 << (at % 8);
    fs.writeFileSync(path, bytes);
    const outcome = outcomeOf(copy);
    tried += 1;
    // newer: the bit was in the version
    if (outcome === "STORE_CORRUPT" || outcome === "STORE_NEWER") refused += 1;
    else if (outcome !== whole) {
      // only what was written and not acked when the process was killed may be missing
      expect({ file, at, outcome, promised: promisedOf(outcome) >= acked }).toMatchObject({ promised: true });
      expect(promisedOf(whole) - promisedOf(outcome)).toBeLessThanOrEqual(UNACKED_MAX);
    }
    fs.rmSync(copy, { recursive: true });
  }
  return { tried, refused };
}

test("a flipped bit in a closed store is named, or was in nothing that counts", () => {
  const directory = closedStore();
  const { tried, refused } = flipAll(directory, { file: "stolos.db", stride: 61 });
  expect(refused).toBeGreaterThan(tried / 10);
  const mark = flipAll(directory, { file: "stolos.mark", stride: 1 });
  expect(mark.refused).toBe(mark.tried);
});

test("a flipped bit in a store whose process was killed is named too", async () => {
  const directory = fresh();
  const acked = await killedWriter(directory, "bun");
  const log = flipAll(directory, { file: "stolos.db-wal", stride: 4999, acked });
  // SQLite itself would drop the commits behind it without a word
  expect(log.refused).toBeGreaterThan(log.tried / 2);
  flipAll(directory, { file: "stolos.db", stride: 997, acked });
});

test("files that are missing or cut are named", () => {
  for (const name of ["stolos.db", "stolos.mark"]) {
    const directory = closedStore();
    fs.rmSync(join(directory, name));
    expect(outcomeOf(directory)).toBe("STORE_CORRUPT");
  }
  for (const name of ["stolos.db", "stolos.mark"]) {
    for (const part of [0, 0.3, 0.9]) {
      const directory = closedStore();
      fs.truncateSync(join(directory, name), Math.floor(fs.statSync(join(directory, name)).size * part));
      expect({ name, part, outcome: outcomeOf(directory) }).toEqual({ name, part, outcome: "STORE_CORRUPT" });
    }
  }
});

test("a start that was cut short anywhere is followed by another", () => {
  for (
    const made of [[], ["stolos.mark", ""], ["stolos.mark", "whole"], ["stolos.mark", "whole", "stolos.db"]]
  ) {
    const directory = fresh();
    fs.mkdirSync(directory);
    const [mark, text, database] = made;
    const zero = "commits 0000000000000000 ";
    const sum = crc32(zero.trimEnd()).toString(16).padStart(8, "0");
    if (mark) fs.writeFileSync(join(directory, mark), text === "whole" ? `${zero}${sum}\n` : "");
    if (database) fs.writeFileSync(join(directory, database), "");
    const file = RecordFile.open(directory);
    expect({ made, boot: file.boot }).toEqual({ made, boot: 1 });
    file.close();
  }
});

test("an older copy of the database is named", () => {
  const directory = closedStore();
  const old = copyOf(directory);
  RecordFile.open(directory).close();
  fs.copyFileSync(join(old, "stolos.db"), join(directory, "stolos.db"));
  expect(outcomeOf(directory)).toBe("STORE_CORRUPT");
});

test("a directory of a newer version is left alone", () => {
  const directory = closedStore();
  const db = new DatabaseSync(join(directory, "stolos.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  expect(outcomeOf(directory)).toBe("STORE_NEWER");
  expect(() => RecordFile.open(directory)).toThrow("version 1 or older, got 99");
});

test("what to do about damage is said", () => {
  const directory = closedStore();
  fs.rmSync(join(directory, "stolos.mark"));
  expect(() => RecordFile.open(directory)).toThrow("move the directory away and start again");
});
