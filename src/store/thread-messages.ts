/** What the store and the thread that owns its database say to each other. */
import type { StoreErrorCode } from "./store-error.ts";

export type ToThread =
  | { readonly type: "open"; readonly directory: string }
  /** The rows of one append, packed. */
  | { readonly type: "append"; readonly rows: ArrayBuffer }
  | { readonly type: "key"; readonly privateKey: Uint8Array }
  /** Tries once more to write what waits, then ends. */
  | { readonly type: "close" };

export type FromThread =
  /** Some of the rows that were there, packed; before "opened". */
  | { readonly type: "rows"; readonly rows: ArrayBuffer }
  | { readonly type: "opened"; readonly boot: number; readonly privateKey: Uint8Array }
  | { readonly type: "refused"; readonly error: PlainError }
  /** So many more messages are durable. */
  | { readonly type: "durable"; readonly count: number }
  | { readonly type: "trouble"; readonly error: PlainError | null }
  | { readonly type: "closed" };

/** A StoreError as it crosses between threads. */
export interface PlainError {
  readonly code: StoreErrorCode;
  readonly message: string;
}
