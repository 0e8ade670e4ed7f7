/** Where a keeper stands: its partition, its configuration, and those before. */
import type { Replica } from "./replica.ts";
import type { Configuration } from "./types.ts";

/** Its configurations are whole from the first: there is nothing to take over. */
export const FOUNDING_EPOCH = 1;

/** This node's keeper of an earlier configuration. */
export interface Predecessor {
  readonly cfg: number;
  readonly isInstalled: boolean;
  readonly isReigning: boolean;
  readonly replica: Replica;
}

export interface Place {
  readonly p: number;
  /** The partition's configurations up to this one, which is the last. */
  readonly chain: readonly Configuration[];
  /** This node's keepers of the earlier ones, newest first. */
  readonly predecessors: () => Iterable<Predecessor>;
  /** Not too many partitions at once are taken over: what still waits goes on serving as before. */
  readonly mayStand: () => boolean;
}
