/**
 * Everything that a seed decides before a virtual run starts: settings of the nodes, faults, work. Plain
 * data.
 */
import type { EngineOptions } from "../protocol/model/contract.ts";

/** Plots of several moves: see traps.ts. */
export type TrapName =
  | "copy"
  | "number"
  | "older"
  | "decider"
  | "unwanted"
  | "delivery"
  | "acks"
  | "deposed"
  | "held";

/** The mix of faults of one run; 0 or false = this fault does not happen in it. */
export interface FaultPlan {
  /** Mean time between two strokes of fate, ms. */
  readonly everyMs: number;
  /** Chance that a frame is lost, comes twice, is slow. */
  readonly loss: number;
  readonly duplicate: number;
  readonly slow: number;
  /** Frames of one link overtake each other. */
  readonly reorder: boolean;
  /** Every message is a frame of its own. */
  readonly split: boolean;
  readonly crash: boolean;
  /** Chance at each persist that the node crashes before, at or right after it. */
  readonly boundaryCrash: number;
  readonly pause: boolean;
  readonly partition: boolean;
  readonly oneWay: boolean;
  readonly isolate: boolean;
  /** The link of one pair is down as long as the faults last, and both know. */
  readonly pair: boolean;
  /** Bound of the clocks' rate errors. */
  readonly drift: number;
  /** Lease clocks jump ahead, machines sleep, wall clocks jump. */
  readonly clockJumps: boolean;
  /** The wall clock of one node is wrong for good, and jumps; those of clients are, too. */
  readonly wrongClocks: boolean;
  readonly congestion: boolean;
  /** Stewards give up their terms. */
  readonly resign: boolean;
  /** Chance that the ends of a cut link notice. */
  readonly notice: number;
  /** Chance that a cut closes the connections that it cuts: both ends see the other's closed. */
  readonly resets: number;
  /** Chance that a sync takes long. */
  readonly slowSync: number;
  /** One sync is for all that was persisted while the last one ran. */
  readonly groupCommit: boolean;
  /** The node handles nothing while its disk syncs. */
  readonly blockingDisk: boolean;
  /** What arrives within so many ms is handled in one step. */
  readonly turnMs: number;
  /** Nodes join, leave for good, stay away until they are evicted. */
  readonly reconfigure: boolean;
  /** Chance that who leaves waits for its turn. */
  readonly patience: number;
  /** Nodes lose their disks, one at a time: they come back as new ones of the same name. */
  readonly amnesia: boolean;
  /** Some faults wait for the worst moment. */
  readonly ambush: boolean;
  /** The plot of the run; "" = none. */
  readonly trap: TrapName | "";
  /** Faults also hit the founding. */
  readonly early: boolean;
}

export interface WorkPlan {
  readonly taskCount: number;
  /** Mean time between two calls of a client, ms. */
  readonly everyMs: number;
  /** Handlers run up to several leases. */
  readonly long: boolean;
  /** How long every handler runs; 0 = drawn at random. */
  readonly takesMs: number;
  /**
   * Chance that an attempt ends in an error, a release; that it stores a checkpoint; that it ignores aborts.
   */
  readonly error: number;
  readonly release: number;
  readonly checkpoint: number;
  readonly stubborn: number;
  readonly resubmit: number;
  /** Chance that a call of a client is a command to a task. */
  readonly command: number;
  /** Chance that clients do what it takes to see wrong answers: the same ids at once, lists in pages. */
  readonly answers: number;
  /** Chance that clients retry, purge and clone tasks that have ended. */
  readonly ends: number;
  /** Chance that a task asks for certain nodes, or has a priority. */
  readonly placement: number;
  /** Chance that a node declines a task for a while before it starts. */
  readonly decline: number;
  /** Tasks of the first handler at once; 0 = as many as there are slots. */
  readonly limit: number;
  /** Chance that a handler holds the loop before its first await. */
  readonly blocking: number;
  readonly slots: number;
  /** Some nodes have no handler for some tasks. */
  readonly uneven: boolean;
  /** The first so many tasks kill the node that runs them, and have failed after so many charged lapses. */
  readonly poison: number;
  readonly lapsesMax: number;
  /** How long a node is away that its task has killed. */
  readonly awayMs: number;
  /** Nothing else goes wrong. */
  readonly isPure: boolean;
  /** Chance that the time of a task is over some day; that it then runs until it is told so. */
  readonly expires: number;
  readonly endless: number;
}

/** What each node has its own of, or draws for itself. */
type OwnOption =
  | "self"
  | "name"
  | "labels"
  | "witness"
  | "boot"
  | "expect"
  | "foundAfterMs"
  | "nonce"
  | "seed";

/** The options of all engines, and the run. */
export interface Plan extends Required<Omit<EngineOptions, OwnOption>> {
  readonly seed: number;
  readonly profile: string;
  readonly nodeCount: number;
  /** The first so many found the cluster, the others may join later. */
  readonly foundingCount: number;
  /** A run with more events is one that goes in circles. */
  readonly eventsMax: number;
  /** When all nodes stop and some lose their disks for ever; what is left is recovered. */
  readonly disastersMs: readonly number[];
  /** How long faults go on, and how long everything may take afterwards. */
  readonly faultsMs: number;
  readonly healMs: number;
  readonly faults: FaultPlan;
  readonly work: WorkPlan;
}

/** Nothing gets lost, late or out of order, nobody is cut off, disks are quick. */
export const SOUND_LINKS_AND_DISKS = {
  loss: 0,
  duplicate: 0,
  slow: 0,
  reorder: false,
  partition: false,
  oneWay: false,
  isolate: false,
  boundaryCrash: 0,
  slowSync: 0,
} as const;

/** All nodes found the cluster. */
export function founded(nodeCount: number): Pick<Plan, "nodeCount" | "foundingCount"> {
  return { nodeCount, foundingCount: nodeCount };
}
