/**
 * Everything that one member says to another. Each message names its partition `p` and, through the ballot,
 * the configuration. The bytes are codec.ts's business; who handles what is engine.ts's.
 */
import type { CommandMessage, CommandReplyMessage, DeliverMessage } from "./messages-commands.ts";
import type {
  AppendMessage,
  AppendReplyMessage,
  ImageMessage,
  InheritMessage,
  PrepareMessage,
  PromiseMessage,
  RefuseMessage,
  SealedMessage,
  SealMessage,
  SnapshotMessage,
  SnapshotReplyMessage,
  TransferMessage,
} from "./messages-log.ts";
import type { NodeCommandMessage, NodeCommandReplyMessage, Standing } from "./messages-nodes.ts";
import type {
  FoundMessage,
  JoinMessage,
  JoinRefusedMessage,
  LeaveMessage,
  RosterAcceptedMessage,
  RosterAcceptMessage,
  RosterMessage,
  RosterPrepareMessage,
  RosterPromiseMessage,
} from "./messages-roster.ts";
import type { Ballot, MemberNo, Settlement, TaskOptions, TaskRecord, TaskSpec, TaskState } from "./types.ts";

// ---- sessions: one heartbeat per pair of nodes -----------------------------------------------------------

export interface Reign {
  readonly p: number;
  readonly ballot: Ballot;
  readonly commit: number;
  /** The reign's first entry is chosen: its configuration stands. */
  readonly isActive: boolean;
}
export interface BeatMessage {
  readonly type: "beat";
  readonly boot: number;
  /** The sender's lease clock when it sent this; echoed back, never interpreted by others. */
  readonly sentMs: number;
  readonly epoch: number;
  /** Partitions whose session number is not 1. */
  readonly sessions: readonly { readonly p: number; readonly n: number }[];
  readonly reigns: readonly Reign[];
}
export interface BeatReplyMessage {
  readonly type: "beatReply";
  readonly boot: number;
  readonly sentMs: number;
  readonly epoch: number;
  /**
   * For each configuration number: bit p set = the session named in the beat is vouched for in partition p.
   */
  readonly vouches: readonly { readonly cfg: number; readonly bits: Uint8Array }[];
  /** Partitions where the session is condemned, with the highest condemned number. */
  readonly condemned: readonly { readonly p: number; readonly n: number }[];
  /** To a member that gets no beats, in a large cluster: the reigns here over partitions near to it. */
  readonly reigns: readonly Reign[];
  /** Reigns of the beat that are over, with the higher ballot promised. */
  readonly refused: readonly { readonly p: number; readonly promised: Ballot }[];
}

// ---- workers ---------------------------------------------------------------------------------------------

export interface AttachMessage {
  readonly type: "attach";
  readonly p: number;
  readonly ballot: Ballot;
  /** The sender's number: one that left and joined again has another. */
  readonly node: MemberNo;
  readonly boot: number;
  readonly n: number;
  readonly attach: number;
  /** Everything the worker holds in this partition: the steward releases the rest. */
  readonly held: readonly { readonly id: string; readonly fence: number }[];
}
export interface AttachReplyMessage {
  readonly type: "attachReply";
  readonly p: number;
  readonly ballot: Ballot;
  readonly boot: number;
  readonly attach: number;
  /** 0 = attached; otherwise the session is condemned up to this number. */
  readonly condemned: number;
}
/**
 * A worker's standing with one steward node: after grant number `upTo` it takes `free` more. Soft: never
 * safety.
 */
export interface CreditMessage {
  readonly type: "credit";
  readonly boot: number;
  /** Boot of the steward node that this answers to. */
  readonly stewardBoot: number;
  readonly seq: number;
  readonly free: number;
  readonly upTo: number;
  /** Tasks held in all, for bounded loads. */
  readonly load: number;
  readonly standing: Standing;
  readonly handlers: readonly string[];
  /** `free` was lowered: answer with creditReply. */
  readonly recall: boolean;
  /** Grows when this worker may want what it declined "until something changes". */
  readonly changes: number;
  /** Of these handlers only so many more after grant number `upTo`. */
  readonly limits: readonly { readonly name: string; readonly free: number }[];
}
export interface CreditReplyMessage {
  readonly type: "creditReply";
  readonly seq: number;
  /** Number of the last grant issued when the credit message was handled. */
  readonly issued: number;
}
/** The steward node has tasks that this worker could run and no credit from it. 0 = no longer. */
export interface HungryMessage {
  readonly type: "hungry";
  readonly boot: number;
  readonly backlog: number;
  /** The highest of the tasks that wait; 0 when none does. */
  readonly priority: number;
}
export interface GrantedTask {
  /** Consecutive number of the grants of this steward node to this worker. */
  readonly no: number;
  readonly id: string;
  readonly fence: number;
  readonly attempt: number;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly attemptsMax: number;
  /** Errors so far (times only matter to the error handler). */
  readonly errorAtMs: readonly number[];
  readonly options: TaskOptions | null;
  readonly checkpoint: Uint8Array | null;
}
export interface GrantMessage {
  readonly type: "grant";
  readonly p: number;
  readonly ballot: Ballot;
  readonly boot: number;
  readonly n: number;
  readonly attach: number;
  /** Every fence below this one was acked or withdrawn: the worker may forget that it saw it. */
  readonly floor: number;
  readonly tasks: readonly GrantedTask[];
}
export interface GrantAckMessage {
  readonly type: "grantAck";
  readonly p: number;
  readonly ballot: Ballot;
  readonly fences: readonly number[];
}
export interface SettleMessage {
  readonly type: "settle";
  readonly p: number;
  readonly items: readonly {
    readonly id: string;
    readonly fence: number;
    /** Distinguishes several settlements under one fence (checkpoints). */
    readonly seq: number;
    /** Commands up to this number are carried out. */
    readonly upTo: number;
    readonly settlement: Settlement;
  }[];
}
export interface SettleReplyMessage {
  readonly type: "settleReply";
  readonly p: number;
  readonly items: readonly { readonly fence: number; readonly seq: number; readonly accepted: boolean }[];
}

// ---- clients ---------------------------------------------------------------------------------------------

export type SubmitStatus = "created" | "exists" | "conflict" | "tooOld" | "busy";
export interface SubmitMessage {
  readonly type: "submit";
  readonly p: number;
  readonly items: readonly {
    readonly rid: number;
    /** Send the outcome when there is one. */
    readonly watch: boolean;
    readonly spec: TaskSpec;
  }[];
}
export interface SubmitReplyMessage {
  readonly type: "submitReply";
  readonly p: number;
  readonly items: readonly { readonly rid: number; readonly status: SubmitStatus }[];
}
export interface WatchMessage {
  readonly type: "watch";
  readonly p: number;
  readonly ids: readonly string[];
}
export interface Outcome {
  readonly id: string;
  /** `unknown`: the partition's log has no such task (never submitted, or past its retention). */
  readonly state: TaskState | "unknown";
  readonly fence: number;
  readonly attempt: number;
  readonly result: Uint8Array | null;
  /** Message of the last error, or "". */
  readonly error: string;
}
export interface OutcomeMessage {
  readonly type: "outcome";
  readonly p: number;
  readonly items: readonly Outcome[];
}
/** To a request that came to a keeper that does not reign: the highest reign that it knows of. */
export interface StewardMessage {
  readonly type: "steward";
  readonly p: number;
  readonly ballot: Ballot;
}
/** Reads through the log: the answer is committed and no older than the question. */
export interface QueryMessage {
  readonly type: "query";
  readonly rid: number;
  readonly p: number;
  readonly query: TaskQuery;
}
export type TaskQuery =
  | { readonly type: "get"; readonly id: string }
  /** Tasks of the partition in submit order, after the first `offset` that match. `state` "" = any. */
  | {
    readonly type: "list";
    readonly state: TaskState | "";
    readonly offset: number;
    readonly limit: number;
  };
export interface TaskView {
  readonly record: TaskRecord;
  /** Why it is not running, in words; "" when it is, or has ended. */
  readonly why: string;
}
export interface QueryReplyMessage {
  readonly type: "queryReply";
  readonly rid: number;
  readonly p: number;
  readonly tasks: readonly TaskView[];
  readonly more: boolean;
}

export type Message =
  | PrepareMessage
  | PromiseMessage
  | TransferMessage
  | AppendMessage
  | AppendReplyMessage
  | RefuseMessage
  | SnapshotMessage
  | SnapshotReplyMessage
  | SealMessage
  | SealedMessage
  | InheritMessage
  | ImageMessage
  | BeatMessage
  | BeatReplyMessage
  | AttachMessage
  | AttachReplyMessage
  | CreditMessage
  | CreditReplyMessage
  | HungryMessage
  | GrantMessage
  | GrantAckMessage
  | SettleMessage
  | SettleReplyMessage
  | SubmitMessage
  | SubmitReplyMessage
  | WatchMessage
  | OutcomeMessage
  | QueryMessage
  | QueryReplyMessage
  | StewardMessage
  | CommandMessage
  | CommandReplyMessage
  | DeliverMessage
  | FoundMessage
  | RosterMessage
  | JoinMessage
  | JoinRefusedMessage
  | LeaveMessage
  | RosterPrepareMessage
  | RosterPromiseMessage
  | RosterAcceptMessage
  | RosterAcceptedMessage
  | NodeCommandMessage
  | NodeCommandReplyMessage;
