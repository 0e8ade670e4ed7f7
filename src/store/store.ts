/**
 * The Store port: what a node must not forget, as an append-only series of the protocol's records. What they
 * mean is the engine's business; when they must be durable is the host's.
 */
import type { PersistRecord } from "../protocol/api.ts";

export interface Store {
  /** Grows at every start of one identity; 1 when nothing is kept, for then every start is a new identity. */
  readonly boot: number;
  /** Everything that was ever appended, oldest first. Called once, before the first append. */
  load(): readonly PersistRecord[];
  /**
   * Appends and calls back once the records are durable, in the order of the calls. The callback may come
   * before this returns: a store that needs no waiting costs no turn of the loop.
   */
  append(records: readonly PersistRecord[], onDurable: () => void): void;
  close(): Promise<void>;
}
