/**
 * The nouns of the protocol: identities, ballots, the roster, tasks and log operations. Plain data, no
 * behaviour.
 *
 * The room `model` says what things are. It may touch nothing else, and everything may touch it.
 * Next: messages.ts (what members say to one another), contract.ts (what goes into an engine and comes out),
 * limits.ts (every bound with its reason), then state/partition-tasks.ts for what operations do.
 */

/** A node's libp2p peer id as text. A memory-only node that restarts gets a new one. */
export type NodeId = string;

/** Number of a member in the roster: given once, never reused in a cluster. */
export type MemberNo = number;

/**
 * A Lamport timestamp `(cfg, counter, node, boot)`, compared in that order. Names one term of one steward.
 */
export interface Ballot {
  /** The configuration: number of the epoch that gave the partition its keepers. */
  readonly cfg: number;
  readonly counter: number;
  readonly node: MemberNo;
  readonly boot: number;
}

/** A node's right to run tasks of one partition. A condemned session goes on with `n + 1`. */
export interface SessionId {
  readonly node: MemberNo;
  readonly boot: number;
  readonly n: number;
}

export interface Member {
  readonly no: MemberNo;
  readonly id: NodeId;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Keeps state, runs no tasks. */
  readonly witness: boolean;
  /** Left or was evicted: no keeper of newer configurations, forgotten when the older ones are retired. */
  readonly leaving: boolean;
}

/** One keeper set of one partition, named by the epoch that made it. */
export interface Configuration {
  readonly epoch: number;
  /** In ring order: the first is the steward in quiet times. */
  readonly keepers: readonly MemberNo[];
}

/** The agreed list of members of one epoch and, for each partition, its configurations, newest last. */
export interface Roster {
  readonly cluster: string;
  readonly epoch: number;
  readonly replication: number;
  /** In the order of their numbers. */
  readonly members: readonly Member[];
  /** The number of the next member: numbers are never given twice. */
  readonly nextNo: MemberNo;
  /** Members whose majority decides the next roster, the first of them proposes in quiet times. */
  readonly deciders: readonly MemberNo[];
  readonly chains: readonly (readonly Configuration[])[];
}

/** A roster that a decider accepted, perhaps decided, perhaps not. */
export interface AcceptedRoster {
  readonly ballot: Ballot;
  readonly roster: Roster;
}

/** What a node says of itself when it offers to found a cluster. */
export interface Candidate {
  readonly id: NodeId;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly witness: boolean;
}

/** What the submitter fixed for good. `payload` is opaque to the protocol. */
export interface TaskSpec {
  readonly id: string;
  /** Name of the task definition: only nodes with a handler of this name may run it. */
  readonly name: string;
  readonly payload: Uint8Array;
  /** Attempts in all before an error makes the task fail; 0 = the node's error handler decides. */
  readonly attemptsMax: number;
  /** Time of the cluster before which the task does not start; 0 = at once. */
  readonly runAtMs: number;
  /** So long after it is recorded it starts at the earliest; 0 = `runAtMs` says when. */
  readonly delayMs: number;
  /** The client's number for it, drawn at random: a repeated submit has the same, another one has not. */
  readonly cid: number;
  /** What few tasks ask for; null = nothing of it. */
  readonly options: TaskOptions | null;
}

export interface TaskOptions {
  /** Of tasks that wait for the same nodes the higher goes first: -1000 to 1000, 0 is the default. */
  readonly priority: number;
  /** How long to wait before another attempt; null = the node's error handler decides. */
  readonly retry: RetryPolicy | null;
  readonly placement: Placement | null;
  /** So long after its submit was recorded it has failed, if it has not ended before; 0 = never. */
  readonly expiresMs: number;
  /** Charged lapses (state/lapses.ts) after which it has failed. */
  readonly lapsesMax: number;
  /** Words that lists are narrowed down by. */
  readonly tags: readonly string[];
  /** For how long it is known after its end; null = the cluster's. */
  readonly retention: Retention | null;
}

/**
 * For how long a task that has ended is known, by how it ended; failed ones and killed ones alike. Of a
 * single task 0 = the cluster's.
 */
export interface Retention {
  readonly completedMs: number;
  readonly failedMs: number;
}

/** What a cluster was told about tasks that have no retention of their own. The highest number holds. */
export interface AgreedRetention extends Retention {
  readonly no: number;
}

/** Before attempt n + 1: `min(maxMs, backoffMs x factor^(n - 1))`, times 1 ± `jitter` at random. */
export interface RetryPolicy {
  readonly backoffMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: number;
}

/** Which nodes may run a task, and which of them rather than others. */
export interface Placement {
  /** Labels that the node must have. */
  readonly requires: readonly { readonly key: string; readonly value: string }[];
  /** Labels that count for a node: the sum of the weights that it has; negative ones count against it. */
  readonly prefers: readonly { readonly key: string; readonly value: string; readonly weight: number }[];
  /** Name or id of the only node that may; "" = any. */
  readonly node: string;
  /** Tasks with one such key never run on one node at once; "" = none. */
  readonly apart: string;
}

/**
 * What a keeper knows of a process that it does not hear: it died, since its end of the connection closed, or
 * a later life of it was heard; nothing says so; or the keeper has begun since and never heard it.
 */
export type Fate = "silent" | "dead" | "unknown";

/** How long a condemned session had been silent at a keeper, counted to now, and what that knows of it. */
export interface Silence {
  readonly session: SessionId;
  readonly index: number;
  readonly elapsedMs: number;
  readonly fate: Fate;
}

/** When a task goes on: at a time of the cluster, or so long after the entry that says so. */
export type Wake = { readonly untilMs: number } | { readonly forMs: number };

/** A command to a task, from a client or from its stateful handler. Metafora's eight. */
export type TaskMessage =
  | { readonly type: "run" }
  | { readonly type: "sleep"; readonly untilMs: number }
  | { readonly type: "sleep"; readonly forMs: number }
  | { readonly type: "pause" }
  | { readonly type: "kill" }
  | { readonly type: "error"; readonly message: string }
  | { readonly type: "complete" }
  | { readonly type: "checkpoint" }
  | { readonly type: "release" };

/** What its holder is told of a task: a command, or that its time is over. */
export type HolderMessage = TaskMessage | { readonly type: "expire" };

/**
 * What clients ask of a task: commands, or something to be done with its end. `fence` names that end: each
 * has one of its own, and another end is left alone.
 */
export type TaskRequest =
  | TaskMessage
  /** It failed or was killed: it is to run anew. */
  | { readonly type: "retry"; readonly fence: number }
  /** It has ended: it is to be forgotten. */
  | { readonly type: "purge"; readonly fence: number }
  /** Of no task but of a partition: its id is empty. */
  | { readonly type: "retain"; readonly retention: AgreedRetention };

/** A command that waits for the holder of the lease. */
export interface QueuedCommand {
  /** Index of its entry: the order of commands. */
  readonly no: number;
  readonly message: HolderMessage;
}

export interface CommandLog {
  /** In order. Carried out by the holder, or one after the other when there is none any more. */
  readonly queued: readonly QueuedCommand[];
  /** Ids of the last commands (LIMITS.commandsKnownMax): a repeated one changes nothing. */
  readonly known: readonly number[];
}

export type TaskState =
  | "pending"
  | "leased"
  | "sleeping"
  | "paused"
  | "fault"
  | "completed"
  | "killed"
  | "failed";

/**
 * Why a task is failed: its errors used up its attempts, one of them was final, it killed its nodes, its time
 * was over, or a command said so.
 */
export type FailedBecause = "errors" | "fatal" | "poison" | "expired" | "command";

/** Where an error comes from, as texts; not there for one that says nothing of it. */
export interface ErrorTrace {
  /** A line for each cause, the nearest first; "" without one. */
  readonly cause: string;
  /** "" when it is not known. */
  readonly stack: string;
}

/** One thing that went wrong with an attempt. */
export interface TaskError {
  readonly atMs: number;
  readonly attempt: number;
  readonly fence: number;
  /** -1: a command's error, while nobody held the task. */
  readonly node: MemberNo;
  readonly kind: "error";
  readonly message: string;
  readonly trace?: ErrorTrace;
}

/** An attempt that lost its lease without an end of its own: its node was not heard for too long. */
export interface Lapse {
  /** When the lease was taken back. */
  readonly atMs: number;
  readonly attempt: number;
  readonly fence: number;
  readonly node: MemberNo;
  readonly boot: number;
  /** How long it had run when its node was heard last; null: nobody is left who knows. */
  readonly ranMs: number | null;
  /** The node's process had died, as others saw it, and the attempt had not proved yet to be harmless. */
  readonly isCounted: boolean;
}

/** A task as the partition's log has it. Records are replaced, never changed in place. */
export interface TaskRecord {
  readonly spec: TaskSpec;
  readonly state: TaskState;
  /** Who holds, or last held, the lease. */
  readonly session: SessionId | null;
  /**
   * Log index of the entry that leased it last, had it run anew, or ended it without a holder; 0 = none did.
   * It only grows, and no two ends have the same.
   */
  readonly fence: number;
  readonly attempt: number;
  /** Member that released or lost it last: dispatch prefers another. -1 = nobody. */
  readonly avoid: MemberNo;
  readonly wakeAtMs: number;
  readonly submittedAtMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** It has ended by a report of its holder, not by a command that found it without one. */
  readonly endedByHolder: boolean;
  /** The last ones, oldest first (see LIMITS.errorsPerTaskMax). */
  readonly errors: readonly TaskError[];
  readonly result: Uint8Array | null;
  readonly checkpoint: Uint8Array | null;
  /** What the handler last reported of how far it is. */
  readonly progress: Uint8Array | null;
  /** `seq` of the last checkpoint and progress under the present fence; 0 = none. Older ones come late. */
  readonly checkpointSeq: number;
  readonly progressSeq: number;
  /** Null until there was a command. */
  readonly commands: CommandLog | null;
  /** Time of the cluster from which nothing of it starts any more; 0 = never. */
  readonly expiresAtMs: number;
  /** Null unless it is failed. */
  readonly failedBecause: FailedBecause | null;
  /** The last ones, oldest first (see LIMITS.lapsesPerTaskMax). */
  readonly lapses: readonly Lapse[];
  /** Lapses that count since an attempt last proved harmless: see state/lapses.ts. */
  readonly lapsesInSuccession: number;
  /** How long its earlier attempts have run since a node died under it: see state/lapses.ts. */
  readonly harmlessMs: number;
}

/** How an attempt ends, or what it stores meanwhile, always under its fence. */
export type Settlement =
  | { readonly type: "complete"; readonly result: Uint8Array | null }
  /** The handler threw: sleeps (`forMs` 0 = pending at once), or what its error handler said. */
  | {
    readonly type: "error";
    readonly message: string;
    readonly trace?: ErrorTrace;
    readonly then?: "pause" | "kill";
  } & Wake
  /** The handler threw, or was aborted because it expired, and there is no further attempt. */
  | {
    readonly type: "fail";
    readonly message: string;
    readonly trace?: ErrorTrace;
    readonly because: Exclude<FailedBecause, "poison">;
  }
  /** Claimable again at once, by others first. */
  | { readonly type: "release" }
  /** Keeps the lease, stores `state` for this and later attempts. */
  | { readonly type: "checkpoint"; readonly state: Uint8Array }
  /** Keeps the lease. */
  | { readonly type: "progress"; readonly value: Uint8Array }
  /** Keeps the lease: commands were carried out. */
  | { readonly type: "ack" }
  | { readonly type: "sleep" } & Wake
  /** Not before a command resumes it. */
  | { readonly type: "pause" }
  | { readonly type: "kill" }
  /**
   * Nothing started, and this attempt does not count: another member may have it. 0 = until a change. `why`:
   * for people, when there is something to say.
   */
  | { readonly type: "decline"; readonly forMs: number; readonly why?: string };

/** An operation of a partition's log. `atMs` is the cluster's time when the steward appended the entry. */
export type Operation =
  | { readonly type: "noop" }
  | { readonly type: "submit"; readonly spec: TaskSpec; readonly atMs: number }
  | { readonly type: "lease"; readonly id: string; readonly session: SessionId; readonly atMs: number }
  | {
    readonly type: "settle";
    readonly id: string;
    readonly fence: number;
    /** The holder counts what it reports under one fence, from 1. */
    readonly seq: number;
    /** Commands up to this number are carried out; 0 = none were delivered. */
    readonly upTo: number;
    readonly settlement: Settlement;
    readonly atMs: number;
  }
  /** `cid` is the client's: a repeated command changes nothing. */
  | {
    readonly type: "command";
    readonly id: string;
    readonly cid: number;
    readonly message: TaskRequest;
    readonly atMs: number;
  }
  | { readonly type: "condemn"; readonly session: SessionId }
  | {
    readonly type: "revert";
    readonly session: SessionId;
    readonly atMs: number;
    /** When it was heard last; 0 = nobody is left who knows. */
    readonly heardAtMs: number;
    /** Its process had died, as a majority of the keepers saw it. */
    readonly isDead: boolean;
  }
  /** Forget those of these tasks that have ended. */
  | { readonly type: "purge"; readonly ids: readonly string[] }
  /** The time of a task is over. */
  | { readonly type: "expire"; readonly id: string; readonly atMs: number }
  /** That life of the node was heard again after all: its lapses do not count. */
  | { readonly type: "alive"; readonly node: MemberNo; readonly boot: number };

export interface Entry {
  readonly ballot: Ballot;
  readonly op: Operation;
  /** Of the operation as bytes: encoded (or received) once, written to every frame that carries it. */
  readonly length: number;
  copyTo(target: Uint8Array, at: number): void;
  /** `op` is decoded from now on when somebody asks for it: logs are long, and few of them ask again. */
  tookEffect(): void;
}

/** Where a log ends: the ballot and index of its last entry; `ballot` null and index 0 when it is empty. */
export interface LogEnd {
  readonly ballot: Ballot | null;
  readonly index: number;
}

export interface SealedCopy {
  readonly end: LogEnd;
  readonly state: PartitionState;
  /** Entries after `end`. */
  readonly tail: readonly Entry[];
}
/** Its configurations are whole from the first: there is nothing to take over. */
export const FOUNDING_EPOCH = 1;
/** A task that a client had forgotten: late copies of its submit make no other one. */
export interface PurgedTask {
  readonly id: string;
  /** Of its submit. */
  readonly cid: number;
  readonly finishedAtMs: number;
  /** Index of the entry that forgot it. */
  readonly no: number;
}
export interface PartitionState {
  /** In the order in which they were submitted; ids differ. */
  readonly records: readonly TaskRecord[];
  /** Ids of records that have ended: of those that are kept equally long, in the order of their ends. */
  readonly finished: readonly string[];
  /** The highest session condemned of each `(node, boot)`. */
  readonly condemned: readonly SessionId[];
  /** Forgotten tasks had ended by this time of the cluster. */
  readonly horizonMs: number;
  /** The last time in the log: the cluster's time never goes back behind it. */
  readonly timeMs: number;
  /** Null: nobody has said anything yet. */
  readonly retention: AgreedRetention | null;
  /** Those that `horizonMs` does not stand for. */
  readonly purged: readonly PurgedTask[];
}
