/**
 * What an offline recovery is about to write into several directories, kept in one of them until all have it:
 * so that a recovery that is cut off can be finished. The file is there whole or not at all.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { packRows, type Row, unpackRows } from "./row.ts";
import { syncDirectory } from "./side-files.ts";
import { StoreError } from "./store-error.ts";

const PLAN_FILE = "stolos.recovery";
const HEAD: RegExp = /^stolos recovery (\d+) ([0-9a-f]{8})$/;
const VERSION = 1;
const NEW_LINE = 10;

export interface RecoveryPlan {
  /** The new one. */
  readonly cluster: string;
  /** By the id of the node whose directory it is: the checksum of what it held when the plan was made. */
  readonly checksumById: Readonly<Record<string, number>>;
  /** What was said of it, as JSON. */
  readonly report: unknown;
  /** The new roster first, then every partition. */
  readonly rows: readonly Row[];
}

export function planPathIn(directory: string): string {
  return join(directory, PLAN_FILE);
}

/** Durable when it returns; replaces an earlier one. */
export function writeRecoveryPlan(directory: string, { rows, ...facts }: RecoveryPlan): void {
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(facts)}\n`), new Uint8Array(packRows(rows))]);
  const head = `stolos recovery ${VERSION} ${checksumText(body)}\n`;
  const path = planPathIn(directory);
  const draft = `${path}.new`;
  try {
    const file = fs.openSync(draft, "w", 0o600);
    try {
      fs.writeFileSync(file, Buffer.concat([Buffer.from(head), body]));
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(draft, path);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw error;
  }
  syncDirectory(directory);
}

/** Null when there is none. @throws StoreError when it is damaged, or of a newer version */
export function readRecoveryPlan(directory: string): RecoveryPlan | null {
  const path = planPathIn(directory);
  if (!fs.existsSync(path)) return null;
  const bytes = fs.readFileSync(path);
  const headEnd = bytes.indexOf(NEW_LINE);
  const [, version, checksum] = HEAD.exec(bytes.toString("latin1", 0, Math.max(0, headEnd))) ?? [];
  if (version !== undefined && Number(version) > VERSION) {
    throw new StoreError("STORE_NEWER", `Cannot read ${path}: a newer version of this program wrote it`);
  }
  const body = bytes.subarray(headEnd + 1);
  if (checksum === undefined || checksumText(body) !== checksum) {
    throw new StoreError("STORE_CORRUPT", `Cannot read ${path}: it does not match its checksum`);
  }
  const factsEnd = body.indexOf(NEW_LINE);
  // written by us, as the checksum shows
  const facts = JSON.parse(body.toString("utf8", 0, factsEnd)) as Omit<RecoveryPlan, "rows">;
  return { ...facts, rows: unpackRows(new Uint8Array(body.subarray(factsEnd + 1)).buffer) };
}

export function removeRecoveryPlan(directory: string): void {
  fs.rmSync(planPathIn(directory), { force: true });
  syncDirectory(directory);
}

function checksumText(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}
