/**
 * The Store port: what a node must not forget, as a series of the protocol's records. What they mean is the
 * engine's business; when they must be durable is the host's. A store knows just enough of them to forget
 * those that no replay needs (ledger.ts).
 */
import type { PersistRecord } from "../protocol/model/contract.ts";
import type { StoreError } from "./store-error.ts";

export interface Store {
  /** False when nothing is kept: every start is a new identity. */
  readonly isDurable: boolean;
  /** Grows durably at every start of one identity; 1 when nothing is kept. Known once it is open. */
  readonly boot: number;
  /**
   * Before everything else: takes the store for this process alone and reads it.
   *
   * @throws StoreError
   */
  open(): Promise<void>;
  /**
   * The identity's private key, made by `make` once and kept; durable before it is returned.
   *
   * @throws StoreError
   */
  privateKey(make: () => Promise<Uint8Array>): Promise<Uint8Array>;
  /**
   * What rebuilds the engine: founding, the newest roster, vote; then for each partition and configuration
   * seal, install, promise, the last snapshot, and the appends in their order. Called once, before the first
   * append. From then on `onTrouble` is called when the store cannot write, and with null when it can again.
   * What waits is tried again by itself; until then nothing is durable and nothing is called back.
   */
  load(onTrouble?: (error: StoreError | null) => void): readonly PersistRecord[];
  /**
   * Appends and calls back once the records are durable, in the order of the calls. The callback may come
   * before this returns: a store that needs no waiting costs no turn of the loop.
   */
  append(records: readonly PersistRecord[], onDurable: () => void): void;
  /** What was not durable by then may be or not; it is not called back. */
  close(): Promise<void>;
}
