/**
 * The store that keeps nothing. A node on it that stops or crashes never comes back: the next start is a new
 * identity that joins anew, and its copies of the partitions are gone. The cluster survives that as long as
 * fewer than a majority of a partition's keepers go.
 */
import type { Store } from "./store.ts";

/** A store without a memory: every record counts as durable at once. */
export function memoryStore(): Store {
  return {
    isDurable: false,
    boot: 1,
    open: () => Promise.resolve(),
    privateKey: (make) => make(),
    load: () => [],
    append: (_records, onDurable) => onDurable(),
    close: () => Promise.resolve(),
  };
}
