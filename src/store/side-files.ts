/**
 * What lies beside the database: the mark, which says how many commits were durable at least, because SQLite
 * drops the tail of its log without a word when a byte in it is wrong; and a note of who has it open, for
 * error messages only. The mark is not synced: it may be late after a power cut, never early.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
// not by name: Node 18 has no such export, and is to get as far as its refusal (base/check-runtime.ts)
import zlib from "node:zlib";
import { damaged, StoreError } from "./store-error.ts";

export const DATABASE_FILE = "stolos.db";
const MARK_FILE = "stolos.mark";
const OWNER_FILE = "stolos.pid";
const ENCODER = new TextEncoder();
const MARK: RegExp = /^commits (\d{16}) ([0-9a-f]{8})\n$/;

function markText(commitCount: number): string {
  const text = `commits ${String(commitCount).padStart(16, "0")}`;
  return `${text} ${zlib.crc32(text).toString(16).padStart(8, "0")}\n`;
}

export class Mark {
  readonly #file: number;

  constructor(file: number) {
    this.#file = file;
  }

  /** Makes the files of a new store, readable by their owner only: they hold the node's private key. */
  static make(directory: string): void {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const database = join(directory, DATABASE_FILE);
    const mark = join(directory, MARK_FILE);
    if (fs.existsSync(database)) return;
    if (!fs.existsSync(mark)) makeFile(mark, markText(0));
    // its maker was killed, or has not come further yet: there is no commit that it could be too early for
    else if (fs.statSync(mark).size === 0) fs.writeFileSync(mark, markText(0));
    const isMissing = Mark.read(directory) > 0 && !fs.existsSync(database);
    if (isMissing) throw damaged(`open the store in ${directory}`, `${DATABASE_FILE} is missing`);
    // only made, never opened by us: closing it would end SQLite's hold on it
    makeFile(database, "");
    syncDirectory(directory);
    syncDirectory(dirname(directory));
  }

  /** Commits that were durable at least. */
  static read(directory: string): number {
    const attempt = `open the store in ${directory}`;
    let text: string;
    try {
      text = fs.readFileSync(join(directory, MARK_FILE), "latin1");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw damaged(attempt, `${MARK_FILE} is missing`, error);
    }
    const count = Number(MARK.exec(text)?.[1] ?? -1);
    if (count >= 0 && markText(count) === text) return count;
    throw damaged(attempt, `${MARK_FILE} is damaged, got ${JSON.stringify(text.slice(0, 80))}`);
  }

  static open(directory: string): Mark {
    return new Mark(fs.openSync(join(directory, MARK_FILE), "r+"));
  }

  /** A mark that cannot be written stays behind, which is allowed: the commit itself was durable. */
  write(commitCount: number): void {
    try {
      // bytes, because Deno writes a text at the end of the file, whatever the position
      const bytes = ENCODER.encode(markText(commitCount));
      fs.writeSync(this.#file, bytes, 0, bytes.length, 0);
    } catch { /* the next commit writes it again */ }
  }

  sync(): void {
    fs.fsyncSync(this.#file);
  }

  close(): void {
    fs.closeSync(this.#file);
  }
}

function makeFile(path: string, text: string): void {
  let file: number;
  try {
    file = fs.openSync(path, "wx", 0o600);
  } catch (error) {
    // another process is making it at the same time
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  try {
    fs.writeSync(file, text);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

/** What was made, renamed or removed in it is durable. */
export function syncDirectory(directory: string): void {
  let file: number;
  try {
    file = fs.openSync(directory, "r");
  } catch {
    // Windows opens no directories, and needs no sync of them
    return;
  }
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

/** Best effort: the database itself keeps others out. */
export function noteOwner(directory: string): void {
  try {
    fs.writeFileSync(join(directory, OWNER_FILE), `${process.pid}\n`);
  } catch { /* a full disk: the message will lack the pid */ }
}

export function busy(directory: string, cause: unknown): StoreError {
  let pid = "";
  try {
    pid = fs.readFileSync(join(directory, OWNER_FILE), "latin1").trim();
  } catch { /* nothing to say about it */ }
  const owner = pid === String(process.pid)
    ? "this process"
    : /^\d+$/.test(pid)
    ? `process ${pid}`
    : "another";
  return new StoreError(
    "STORE_BUSY",
    `Cannot open the store in ${directory}: it is open already, by ${owner}. One directory is for one node`,
    { cause },
  );
}
