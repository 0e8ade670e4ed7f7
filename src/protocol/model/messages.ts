/**
 * Everything that one member says to another. Each message names its partition `p` and, through the ballot,
 * the configuration. The bytes are the business of the room wire; who handles what is router.ts's.
 */
import type { TaskQuery } from "./task-filter.ts";
import type {
  AcceptedRoster,
  AgreedRetention,
  Ballot,
  Candidate,
  Entry,
  LogEnd,
  MemberNo,
  QueuedCommand,
  Roster,
  Settlement,
  Silence,
  TaskOptions,
  TaskRecord,
  TaskRequest,
  TaskSpec,
  TaskState,
} from "./types.ts";

// ---- sessions: one heartbeat per pair of nodes ------------------------------------------------------------

export interface AnnouncedTerm {
  readonly p: number;
  readonly ballot: Ballot;
  readonly commit: number;
  /** The term's first entry is chosen: its configuration stands. */
  readonly isActive: boolean;
}
export interface HeartbeatMessage {
  readonly type: "heartbeat";
  readonly boot: number;
  /** The sender's lease clock when it sent this; echoed back, never interpreted by others. */
  readonly sentMs: number;
  /** The sender's wall clock. */
  readonly wallMs: number;
  readonly epoch: number;
  /** Partitions whose session number is not 1. */
  readonly sessions: readonly { readonly p: number; readonly n: number }[];
  readonly terms: readonly AnnouncedTerm[];
}
export interface HeartbeatReplyMessage {
  readonly type: "heartbeatReply";
  readonly boot: number;
  readonly sentMs: number;
  readonly epoch: number;
  /** By configuration number: bit p set = the session of the heartbeat is vouched for in partition p. */
  readonly vouches: readonly { readonly cfg: number; readonly bits: Uint8Array }[];
  /** Partitions where the session is condemned, with the highest condemned number. */
  readonly condemned: readonly { readonly p: number; readonly n: number }[];
  /**
   * To a member that gets no heartbeats, in a large cluster: the terms of this node over partitions near to
   * it.
   */
  readonly terms: readonly AnnouncedTerm[];
  /** Members that the sender is not connected to: nothing can be passed on to them (`RelayMessage`). */
  readonly away: readonly MemberNo[];
  /** Terms of the heartbeat that are over, with the higher ballot promised. */
  readonly refused: readonly { readonly p: number; readonly promised: Ballot }[];
}

// ---- holders ----------------------------------------------------------------------------------------------

export interface AttachMessage {
  readonly type: "attach";
  readonly p: number;
  readonly ballot: Ballot;
  /** The sender's number: one that left and joined again has another. */
  readonly node: MemberNo;
  readonly boot: number;
  readonly n: number;
  readonly attach: number;
  /** Everything the holder has in this partition: the steward releases the rest. */
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
 * A holder's standing with one steward node: after grant number `upTo` it takes `free` more. Soft: never
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
  /** Grows when this holder may want what it declined "until something changes". */
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
/** The steward node has tasks that this holder could run and no credit from it. 0 = no longer. */
export interface DemandMessage {
  readonly type: "demand";
  readonly boot: number;
  readonly backlog: number;
  /** The highest of the tasks that wait; 0 when none does. */
  readonly priority: number;
}
export interface GrantedTask {
  /** Consecutive number of the grants of this steward node to this holder. */
  readonly no: number;
  readonly id: string;
  readonly fence: number;
  readonly attempt: number;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly attemptsMax: number;
  /** How long before the lease its errors were: they only matter to the error handler. */
  readonly errorAgesMs: readonly number[];
  readonly options: TaskOptions | null;
  readonly checkpoint: Uint8Array | null;
  /** Time of the cluster from which it must not start any more; 0 = never. */
  readonly expiresAtMs: number;
  readonly isOnProbation: boolean;
}
export interface GrantMessage {
  readonly type: "grant";
  readonly p: number;
  readonly ballot: Ballot;
  readonly boot: number;
  readonly n: number;
  readonly attach: number;
  /** Every fence below this one was acked or withdrawn: the holder may forget that it saw it. */
  readonly grantFloor: number;
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

// ---- clients ----------------------------------------------------------------------------------------------

export type SubmitStatus = "created" | "exists" | "conflict" | "tooOld" | "expiresFirst";
/**
 * Submits and commands change something, so each copy is for one term and no other steward takes it. Null:
 * the sender does not know the term; it is answered with the term, and nothing else is done.
 */
interface ForTerm {
  readonly ballot: Ballot | null;
  /** All lower numbers of the sender's requests are settled or given up: late copies of them are ignored. */
  readonly floor: number;
}
export interface SubmitMessage extends ForTerm {
  readonly type: "submit";
  readonly p: number;
  readonly items: readonly {
    readonly rid: number;
    /** Send the outcome when there is one, with this number; 0 = do not. */
    readonly watch: number;
    /** Since the client first sent it, by its lease clock. */
    readonly ageMs: number;
    readonly spec: TaskSpec;
  }[];
}
export interface SubmitReplyMessage {
  readonly type: "submitReply";
  readonly p: number;
  readonly ballot: Ballot;
  /** "busy" settles nothing: the asker's engine asks again. */
  readonly items: readonly { readonly rid: number; readonly status: SubmitStatus | "busy" }[];
}
export interface WatchMessage {
  readonly type: "watch";
  readonly p: number;
  /** `no` grows with each question of the sender: the answer to an earlier one may be of an earlier task. */
  readonly items: readonly { readonly id: string; readonly no: number }[];
}
export interface Outcome {
  readonly id: string;
  /** `unknown`: the partition's log has no such task (never submitted, or past its retention). */
  readonly state: TaskState | "unknown";
  readonly fence: number;
  readonly attempt: number;
  readonly result: Uint8Array | null;
  /** Message of the last error, or of why it failed without one, or "". */
  readonly error: string;
  readonly failedBecause: TaskRecord["failedBecause"];
}
export interface OutcomeMessage {
  readonly type: "outcome";
  readonly p: number;
  readonly items: readonly { readonly no: number; readonly outcome: Outcome }[];
}
/** To a request for no or another term, or to a keeper that is not the steward: the highest term known. */
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
  /** The cluster's time as of this answer. */
  readonly timeMs: number;
  readonly retention: AgreedRetention | null;
}

type AskedMessage = SubmitMessage | CommandMessage | QueryMessage | WatchMessage;
type AnswerMessage = SubmitReplyMessage | CommandReplyMessage | QueryReplyMessage | OutcomeMessage;
/** What a client and a steward say to each other, whichever way it takes: nothing rests on who carries it. */
export type RelayedMessage = AskedMessage | AnswerMessage | StewardMessage;
/**
 * Between two members whose link is down, by way of a third one: it passes it on at once, to `to` itself, or
 * drops it.
 */
export interface RelayMessage {
  readonly type: "relay";
  readonly from: MemberNo;
  readonly to: MemberNo;
  readonly message: RelayedMessage;
}

export type Message =
  | AskedMessage
  | AnswerMessage
  | RelayMessage
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
  | FetchCopyMessage
  | CopyChunkMessage
  | HeartbeatMessage
  | HeartbeatReplyMessage
  | AttachMessage
  | AttachReplyMessage
  | CreditMessage
  | CreditReplyMessage
  | DemandMessage
  | GrantMessage
  | GrantAckMessage
  | SettleMessage
  | SettleReplyMessage
  | StewardMessage
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

// ---- commands to tasks ------------------------------------------------------------------------------------
// Commands to tasks: from a client to the task's steward, and from there to who holds its lease.

/**
 * `applied`: nobody held the task, it is done. `queued`: it is recorded and goes to the holder, or is applied
 * when there is none any more. `invalid`: the task's state does not allow it. `busy`: too many wait already.
 * Of what names an end, `open`: the task has not ended, or not any more; `other`: this is a later end.
 */
export type CommandStatus =
  | "applied"
  | "queued"
  | "unknown"
  | "ended"
  | "invalid"
  | "busy"
  | "open"
  | "other";

export interface CommandMessage extends ForTerm {
  readonly type: "command";
  readonly rid: number;
  readonly p: number;
  readonly id: string;
  /** The client's number for it: repeated, it changes nothing. */
  readonly cid: number;
  readonly message: TaskRequest;
}

export interface CommandReplyMessage {
  readonly type: "commandReply";
  readonly rid: number;
  readonly p: number;
  readonly ballot: Ballot;
  readonly status: CommandStatus;
}

export interface Delivery {
  readonly id: string;
  readonly fence: number;
  /** All that wait, in order. */
  readonly commands: readonly QueuedCommand[];
}

/** Repeated until the holder has acked them. */
export interface DeliverMessage {
  readonly type: "deliver";
  readonly p: number;
  readonly items: readonly Delivery[];
}

// ---- the log of a partition -------------------------------------------------------------------------------
// What keepers of a partition say to one another about its log: elections, replication, reconfiguration.

/** Asks a keeper to promise. `pre`: would you? Nothing is promised, nothing is written. */
export interface PrepareMessage {
  readonly type: "prepare";
  readonly p: number;
  readonly ballot: Ballot;
  readonly pre: boolean;
  readonly end: LogEnd;
}
export interface PromiseMessage {
  readonly type: "promise";
  readonly p: number;
  readonly ballot: Ballot;
  readonly pre: boolean;
  /** `ahead`: my log is longer than yours, I stand myself. `loyal`: I hear a steward. */
  readonly answer: "granted" | "ahead" | "loyal" | "promised";
  /** The highest ballot promised so far, so that the asker's counter can rise above it. */
  readonly promised: Ballot | null;
  /** The sender's wall clock. */
  readonly wallMs: number;
}
/** A steward that is not the first of its keepers hands the term to the first, which is up to date. */
export interface TransferMessage {
  readonly type: "transfer";
  readonly p: number;
  readonly ballot: Ballot;
}

// ---- replication ------------------------------------------------------------------------------------------

export interface AppendMessage {
  readonly type: "append";
  readonly p: number;
  readonly ballot: Ballot;
  /** Index and ballot of the entry before the first one carried. */
  readonly prevIndex: number;
  readonly prevBallot: Ballot | null;
  readonly commit: number;
  /** Where the term began: a new keeper's copy is whole when it matches up to there. */
  readonly first: number;
  /** All keepers have the log up to here: nobody asks for earlier entries again. */
  readonly logFloor: number;
  readonly entries: readonly Entry[];
}
export interface AppendReplyMessage {
  readonly type: "appendReply";
  readonly p: number;
  readonly ballot: Ballot;
  /**
   * `ok`: everything up to `index` matches. If not, `index` is where the log ends, being too short, or up to
   * where it is known to be chosen: send from there.
   */
  readonly ok: boolean;
  readonly index: number;
  readonly silences: readonly Silence[];
}
/** The ballot of an append, snapshot or term is below what I promised. */
export interface RefuseMessage {
  readonly type: "refuse";
  readonly p: number;
  readonly ballot: Ballot;
  readonly promised: Ballot;
}
/** One chunk of a partition's state as of `end`, for a keeper whose log ends before the steward's begins. */
export interface SnapshotMessage {
  readonly type: "snapshot";
  readonly p: number;
  readonly ballot: Ballot;
  readonly end: LogEnd;
  /** As in an append. */
  readonly first: number;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}
export interface SnapshotReplyMessage {
  readonly type: "snapshotReply";
  readonly p: number;
  readonly ballot: Ballot;
  readonly index: number;
  /** Bytes held of that snapshot from its start: the next offset wanted. */
  readonly receivedBytes: number;
}

// ---- a new configuration takes over from the one before ---------------------------------------------------

/** Asks a keeper of configuration `cfg` to serve no more, for ever. `ballot`: of the newer configuration. */
export interface SealMessage {
  readonly type: "seal";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
}
export interface SealedMessage {
  readonly type: "sealed";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
  /** False: its copy was never whole, so it says nothing about the partition. */
  readonly isInstalled: boolean;
  /** The configurations that had sealed it before. */
  readonly by: readonly number[];
  readonly end: LogEnd;
}
/** Asks a sealed keeper for its copy, from `offset` on. */
export interface FetchCopyMessage {
  readonly type: "fetchCopy";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
  readonly offset: number;
}
/** One chunk of a sealed copy: see wire/snapshots.ts. */
export interface CopyChunkMessage {
  readonly type: "copyChunk";
  readonly p: number;
  readonly cfg: number;
  readonly ballot: Ballot;
  /** Of the state in it: a keeper that restarts makes another copy of the same. */
  readonly end: LogEnd;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}

// ---- commands to nodes ------------------------------------------------------------------------------------
// What one node asks of another as a whole: the commands of operators, passed on by whichever member they
// came to. They are not durable: each is done at most once for as long as the node's process lives.

/** Asked of a node by `commandNode`. */
export type NodeCommand =
  /** Starts nothing new until it is unfrozen or restarted; what it runs goes on. */
  | { readonly type: "freeze" }
  | { readonly type: "unfreeze" }
  /** Gives back what its balancer thinks that others should run, even if it is frozen. */
  | { readonly type: "balance" }
  /** Takes nothing new and gives back what it runs, for good. */
  | { readonly type: "drain" }
  /** Leaves the cluster for good, once others keep what it keeps. */
  | { readonly type: "leave" }
  /** Stops one task there, which is released: any node may run it next. */
  | { readonly type: "stopTask"; readonly id: string };

/** `missing`: the task does not run there. `refused`: not as things are. */
export type NodeCommandStatus = "done" | "missing" | "refused";

/** What a node that runs tasks takes: none when it is draining or frozen. */
export type Standing = "up" | "draining" | "frozen";

export interface NodeCommandMessage {
  readonly type: "nodeCommand";
  /** 52 random bits: the same command has the same number, whichever member passes it on. */
  readonly cid: number;
  readonly command: NodeCommand;
}
export interface NodeCommandReplyMessage {
  readonly type: "nodeCommandReply";
  readonly cid: number;
  readonly status: NodeCommandStatus;
}

// ---- the roster -------------------------------------------------------------------------------------------
// What nodes say to one another about who belongs to the cluster: founding, joining, leaving, and the
// single-decree Paxos among the deciders of an epoch that decides the next roster.

/** "I found, or agree to found, this cluster." Proposing is acking. Founded when every member has acked. */
export interface FoundMessage {
  readonly type: "found";
  /** Orders foundings: a node moves only to a lower one, and only when its own can no longer be decided. */
  readonly founding: string;
  readonly members: readonly Candidate[];
  /** Ids of members that the sender knows to have acked this founding. */
  readonly acked: readonly string[];
}
/** The decided roster of an epoch. */
export interface RosterMessage {
  readonly type: "roster";
  readonly roster: Roster;
  /** The cluster has more than one member, or has recorded something: it yields to no other. */
  readonly isSettled: boolean;
}

/** "Let me in", to any member. */
export interface JoinMessage {
  readonly type: "join";
  readonly candidate: Candidate;
}
export interface JoinRefusedMessage {
  readonly type: "joinRefused";
  /** The id of the node that asked: a member may have asked for it. */
  readonly id: string;
  readonly reason: string;
}
/** A member wants to leave: other members shall keep what it keeps. */
export interface LeaveMessage {
  readonly type: "leave";
  readonly no: MemberNo;
  /** It stays until it is let go: those who are patient go one after another. */
  readonly isPatient: boolean;
}

/** Asks a decider of `epoch` to promise. Its ballot carries the epoch as `cfg`. */
export interface RosterPrepareMessage {
  readonly type: "rosterPrepare";
  readonly ballot: Ballot;
}
export interface RosterPromiseMessage {
  readonly type: "rosterPromise";
  readonly ballot: Ballot;
  /** False: a ballot as high as this one is promised already. */
  readonly ok: boolean;
  readonly promised: Ballot;
  readonly accepted: AcceptedRoster | null;
}
/** Asks a decider to accept `roster` as the one after the epoch `ballot.cfg`. */
export interface RosterAcceptMessage {
  readonly type: "rosterAccept";
  readonly ballot: Ballot;
  /** Nobody accepted it before: it may still be refused. What may be decided already may not. */
  readonly isFresh: boolean;
  readonly roster: Roster;
}
export interface RosterAcceptedMessage {
  readonly type: "rosterAccepted";
  readonly ballot: Ballot;
  /** `heard`: it evicts a member that the decider hears. */
  readonly answer: "accepted" | "promised" | "heard";
  readonly promised: Ballot;
}
