/** What may be wrong with a durable store, and how SQLite and the operating system say so. */
import { StolosError } from "../protocol/model/stolos-error.ts";

/**
 * `STORE_BUSY`: open already, here or in another process. `STORE_CORRUPT`: what is there is not what was
 * written. `STORE_NEWER`: written by a newer version. `STORE_UNWRITABLE`: full, read-only or broken disk.
 */
export type StoreErrorCode = "STORE_BUSY" | "STORE_CORRUPT" | "STORE_NEWER" | "STORE_UNWRITABLE";

/** The durable state of a node cannot be read or written. */
export class StoreError extends StolosError {
  declare readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** How a node goes on whose directory is damaged. */
export const WAY_OUT: string =
  "To go on, move the directory away and start again: the node then joins as a new one. " +
  "Do not put back an older copy: it has forgotten what the node promised";

/** Something in the directory is not what was written there. */
export function damaged(attempt: string, what: string, cause?: unknown): StoreError {
  const message = `Cannot ${attempt}: ${what}. ${WAY_OUT}`;
  return new StoreError("STORE_CORRUPT", message, cause === undefined ? {} : { cause });
}

/**
 * What SQLite or the file system threw, as an error of this library. By SQLite's own texts, which alone are
 * the same on every runtime.
 */
export function storeErrorOf(attempt: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const cause = { cause: error };
  if (/is locked/.test(text)) return new StoreError("STORE_BUSY", `Cannot ${attempt}: ${text}`, cause);
  if (/malformed|not a database|already exists|no such (table|column)|integers? in|constraint/i.test(text)) {
    return damaged(attempt, text, error);
  }
  return new StoreError("STORE_UNWRITABLE", `Cannot ${attempt}: ${text}`, cause);
}
