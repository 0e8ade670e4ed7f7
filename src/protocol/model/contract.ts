/**
 * The engine's surface: what goes in, what comes out, what it is given beforehand. The host runs the
 * effects of one step in order; a `persist` is durable before any later effect runs. See engine.ts.
 */
import type { CommandStatus } from "./messages.ts";
import type { GrantedTask, Message, Outcome, SubmitStatus, TaskQuery, TaskView } from "./messages.ts";
import type { NodeCommand, NodeCommandStatus, Standing } from "./messages.ts";
import type {
  AcceptedRoster,
  Ballot,
  Entry,
  HolderMessage,
  LogEnd,
  NodeId,
  Roster,
  Settlement,
  TaskMessage,
  TaskSpec,
} from "./types.ts";

/** The three clocks of a node, read once a turn. */
export interface Clock {
  /** Monotonic ms: what keepers and stewards measure silence with. */
  readonly monoMs: number;
  /**
   * Elapsed ms for the node's own leases: the largest of monotonic, uptime and wall deltas. Never goes back.
   */
  readonly leaseMs: number;
  /** Wall clock, ms since the epoch: a majority of them makes the cluster's time. Never for safety. */
  readonly wallMs: number;
}

export interface EngineOptions {
  readonly self: NodeId;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly witness: boolean;
  /** Raised durably at every start of an identity; 1 for a memory-only node. */
  readonly boot: number;
  /** Found with exactly so many nodes; 1 = alone. */
  readonly expect: number;
  /** How long to look for a cluster before founding one alone (`expect` 1); Infinity: only ever join one. */
  readonly foundAfterMs: number;
  /** Silence after which a member is evicted, so that others keep what it kept. @default 30_000 */
  readonly evictAfterMs: number;
  /** Unique text for a founding that this node proposes. */
  readonly nonce: string;
  /** Seed of the jitter. */
  readonly seed: number;
  readonly partitionCount: number;
  readonly replication: number;
  /** @default 4000 */
  readonly leaseTtlMs: number;
  /** leaseTtlMs >= 3 x heartbeatMs. */
  readonly heartbeatMs: number;
  /**
   * A heartbeat that is due within so long goes out when another's comes: an idle cluster wakes at once, not
   * once for each. <= heartbeatMs / 2: no node sends more than two in a heartbeat. 0 = never.
   */
  readonly heartbeatAlongMs: number;
  /** Handlers abort this long before their lease ends. */
  readonly marginMs: number;
  /** Bound on the error of a clock's rate: 0.01 = 1 %. */
  readonly clockRateBound: number;
  /** Silence of a steward after which the first keeper in ring order stands. */
  readonly electionMs: number;
  /** How long an unanswered message waits before it is sent again. */
  readonly resendMs: number;
  /** Longest time between two steps; the engine asks for no finer timer. */
  readonly tickMs: number;
  /** The same while nothing goes on. tickMs to heartbeatMs: what is due within a heartbeat is looked for. */
  readonly calmTickMs: number;
  readonly retentionMs: number;
  readonly finishedPerPartitionMax: number;
  /** Committed entries kept for slow keepers before they get a snapshot instead. */
  readonly logEntriesMax: number;
  readonly appendBytesMax: number;
  readonly snapshotChunkBytes: number;
  /**
   * Bytes of entries after which the store gets a partition's state instead of them, if the state is not
   * larger; Infinity when nothing is kept.
   */
  readonly compactBytes: number;
  /** Members that may keep partitions, the same for all nodes; more make a large cluster. @default 64 */
  readonly keepingMembersMax?: number;
  /**
   * Partitions that a node of a large cluster runs tasks of, unless stewards of others ask for more. @default
   * 16
   */
  readonly wantedCount?: number;
}

/** What one step may react to. */
export type Input =
  | { readonly type: "message"; readonly from: NodeId; readonly message: Message }
  /** A peer's stream opened or closed. */
  | {
    readonly type: "peer";
    readonly node: NodeId;
    readonly up: boolean;
    readonly candidate?: CandidateInfo;
    /** Of one that closed: the peer's end did, as when its process dies; else this end gave it up. */
    readonly isClosed?: boolean;
  }
  /** The stream to a peer takes no more (or again takes) bulk: appends wait in the log. */
  | { readonly type: "congested"; readonly node: NodeId; readonly on: boolean }
  /** The `rid` of submits and commands grows. */
  | {
    readonly type: "submit";
    readonly rid: number;
    readonly spec: TaskSpec;
    readonly watch: boolean;
    /** Since it was first sent, by the lease clock of whoever did. */
    readonly ageMs: number;
  }
  | { readonly type: "watch"; readonly id: string }
  | { readonly type: "unwatch"; readonly id: string }
  /** `list` asks every partition: one answer each. */
  | { readonly type: "query"; readonly rid: number; readonly p: number; readonly query: TaskQuery }
  /** A command to a task; `cid` makes a repeated one the same. */
  | {
    readonly type: "command";
    readonly rid: number;
    readonly id: string;
    readonly cid: number;
    readonly message: TaskMessage;
  }
  /** Give up on a submit, query or command; its outcome is unknown. */
  | { readonly type: "cancel"; readonly rid: number }
  | {
    readonly type: "capacity";
    readonly slots: number;
    readonly handlers: readonly string[];
    readonly standing: Standing;
    /** Handlers that run so many tasks at once at most; the others as many as there are slots. */
    readonly limits?: Readonly<Record<string, number>>;
  }
  | {
    readonly type: "settle";
    readonly p: number;
    readonly id: string;
    readonly fence: number;
    readonly seq: number;
    /** Commands up to this number are carried out; 0 = none. */
    readonly upTo: number;
    readonly settlement: Settlement;
  }
  /** Passes a command to a node, this one perhaps; answered by the event `nodeCommandAnswered`. */
  | {
    readonly type: "nodeCommand";
    readonly cid: number;
    readonly node: NodeId;
    readonly command: NodeCommand;
  }
  /** Give up on it: whether it was done is unknown. */
  | { readonly type: "nodeCommandCancel"; readonly cid: number }
  /** What the event `nodeCommand` asked for was done here, or cannot be. */
  | { readonly type: "nodeCommandDone"; readonly cid: number; readonly status: NodeCommandStatus }
  /** Give up stewardships before stopping. */
  | { readonly type: "resign" }
  /**
   * Leave the cluster for good: others keep what this node keeps. Ends with the event `left`. `isPatient`:
   * one after another, when all is in order; else as soon as may be.
   */
  | { readonly type: "leave"; readonly isPatient: boolean };

/** What a peer said of itself in its hello, as far as founding needs it. */
export interface CandidateInfo {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly witness: boolean;
  readonly expect: number;
}

/** Durable facts, in order. Replaying all of them rebuilds the engine (see Engine.restore). */
export type PersistRecord =
  | { readonly type: "founding"; readonly founding: string; readonly members: readonly unknown[] }
  /** Replaces every earlier one; of another cluster: nothing before it counts any more. */
  | { readonly type: "roster"; readonly roster: Roster }
  /** The register that decides the roster after `epoch`; replaces every earlier vote. */
  | {
    readonly type: "vote";
    readonly epoch: number;
    readonly promised: Ballot;
    readonly accepted: AcceptedRoster | null;
  }
  /** Replaces the earlier promise of the same partition and configuration (`ballot.cfg`). */
  | { readonly type: "promise"; readonly p: number; readonly ballot: Ballot }
  /** Entries after `prevIndex`; whatever the log held beyond it is gone. */
  | {
    readonly type: "append";
    readonly p: number;
    readonly cfg: number;
    readonly prevIndex: number;
    readonly entries: readonly Entry[];
  }
  /** The whole log of `(p, cfg)` is replaced by this state as of `end`. */
  | PartitionSnapshot<"snapshot">
  /** The state as of `end`: earlier entries of `(p, cfg)` are not needed any more, later ones are. */
  | PartitionSnapshot<"compact">
  /** The copy of `(p, cfg)` is whole: it may vote and serve. */
  | { readonly type: "install"; readonly p: number; readonly cfg: number }
  /** `(p, cfg)` promises, appends and vouches no more, for ever. */
  | {
    readonly type: "seal";
    readonly p: number;
    readonly cfg: number;
    /** All configurations that sealed it. */
    readonly by: readonly number[];
  }
  /** Nothing of `(p, cfg)` is needed any more. */
  | { readonly type: "retire"; readonly p: number; readonly cfg: number };

export interface PartitionSnapshot<T extends string> {
  readonly type: T;
  readonly p: number;
  readonly cfg: number;
  readonly end: LogEnd;
  readonly state: Uint8Array;
}

/** A lease that was granted to this node, chosen by a quorum: run it. */
export interface StartEffect {
  readonly type: "start";
  readonly p: number;
  readonly task: GrantedTask;
}

export type LossReason = "lapsed" | "condemned" | "stale";

export type Effect =
  | { readonly type: "persist"; readonly records: readonly PersistRecord[] }
  /** All that is due to one peer in this turn: one frame. */
  | { readonly type: "send"; readonly to: NodeId; readonly messages: readonly Message[] }
  | { readonly type: "submitted"; readonly rid: number; readonly status: SubmitStatus }
  | { readonly type: "outcome"; readonly outcome: Outcome }
  | {
    readonly type: "answer";
    readonly rid: number;
    readonly p: number;
    readonly tasks: readonly TaskView[];
    readonly more: boolean;
  }
  | { readonly type: "commanded"; readonly rid: number; readonly status: CommandStatus }
  | StartEffect
  /** A command to a task that runs here. In order, each once. */
  | {
    readonly type: "command";
    readonly p: number;
    readonly id: string;
    readonly fence: number;
    readonly no: number;
    readonly message: HolderMessage;
  }
  /** The lease ends in `marginMs` or less unless renewed: the handler must stop now. */
  | { readonly type: "abort"; readonly p: number; readonly id: string; readonly fence: number }
  /** The lease is gone: whatever still runs is an overrun; nothing it says is accepted. */
  | {
    readonly type: "lost";
    readonly p: number;
    readonly id: string;
    readonly fence: number;
    readonly reason: LossReason;
  }
  /** A settlement was recorded by a quorum, or refused because the fence is not the current one. */
  | {
    readonly type: "settled";
    readonly p: number;
    readonly id: string;
    readonly fence: number;
    readonly seq: number;
    readonly accepted: boolean;
  }
  | { readonly type: "event"; readonly event: EngineEvent };

export type EngineEvent =
  /** A roster was adopted; `isSettled`: this cluster yields to no other. */
  | { readonly type: "roster"; readonly roster: Roster; readonly isSettled: boolean }
  /** This node is a member no more: it left, was evicted, or yields to another cluster. */
  | { readonly type: "left"; readonly cluster: string; readonly why: "left" | "evicted" | "yielded" }
  /** The cluster does not let this node in. */
  | { readonly type: "refused"; readonly reason: string }
  /** Every partition has a steward that this node is attached to. */
  | { readonly type: "ready"; readonly epoch: number; readonly members: number }
  | { readonly type: "quorum"; readonly held: boolean }
  | { readonly type: "steward"; readonly p: number; readonly ballot: Ballot; readonly node: NodeId }
  | { readonly type: "condemned"; readonly p: number; readonly node: NodeId }
  /** A keeper's wall clock is behind what most of the others show. */
  | { readonly type: "clockBehind"; readonly node: NodeId; readonly behindMs: number }
  /** A peer sent something that the protocol does not allow; it changed nothing. */
  | { readonly type: "rejected"; readonly from: NodeId; readonly reason: string }
  /** This node is to do it, and to answer with the input `nodeCommandDone`. */
  | { readonly type: "nodeCommand"; readonly cid: number; readonly command: NodeCommand }
  | { readonly type: "nodeCommandAnswered"; readonly cid: number; readonly status: NodeCommandStatus }
  /**
   * Tasks whose owner, fence or state changed on a partition that this node stewards: for the gossiped view.
   */
  | { readonly type: "ownership"; readonly p: number; readonly changes: readonly OwnershipChange[] };

export interface OwnershipChange {
  readonly id: string;
  readonly fence: number;
  readonly state: string;
  readonly owner: NodeId | "";
}

/** Looks on from inside a step: for the simulator's oracle and for debugging. Must not change anything. */
export interface Observer {
  /** The steward of `term` learned that `entry` is chosen at `index` of partition `p`. */
  chosen(p: number, index: number, entry: Entry, term: Ballot): void;
  /** A candidate won: it starts its term with a log that ends at `end`. */
  elected(p: number, term: Ballot, end: LogEnd): void;
}
