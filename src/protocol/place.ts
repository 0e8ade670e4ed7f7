/** Where a keeper stands: its partition, its configuration, and those before. */
import type { Keeper } from "./keeper.ts";
import type { Configuration } from "./types.ts";

/** Its configurations are whole from the first: there is nothing to take over. */
export const FOUNDING_EPOCH = 1;

export interface Place {
  readonly p: number;
  /** The partition's configurations up to this one, which is the last. */
  readonly chain: readonly Configuration[];
  /** This node's keepers of the earlier ones, newest first. */
  readonly predecessors: () => Iterable<Keeper>;
}
