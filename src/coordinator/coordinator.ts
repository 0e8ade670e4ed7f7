/**
 * The Coordinator: who owns what, durably. The interface that consumer and client are written against; one
 * engine host stands behind both implementations, with a mesh (mesh-coordinator.ts) or without
 * (embedded-coordinator.ts).
 */
import type { LossReason } from "../protocol/model/contract.ts";
import type {
  CommandStatus,
  GrantedTask,
  NodeCommand,
  NodeCommandStatus,
  Outcome,
  Standing,
  SubmitStatus,
} from "../protocol/model/messages.ts";
import type {
  FailedBecause,
  HolderMessage,
  NodeId,
  Settlement,
  TaskMessage,
  TaskSpec,
  TaskState,
} from "../protocol/model/types.ts";
import type { StoreError } from "../store/store-error.ts";
import type { ClusterHealth } from "./cluster-health.ts";
import type { MemberOffer } from "./gossip-codec.ts";
import type { CoordinatorStats } from "./stats.ts";

/** One error of a task, as people and programs see it. */
export interface TaskErrorInfo {
  /** ISO 8601. */
  readonly at: string;
  readonly attempt: number;
  /** Decimal. */
  readonly fence: string;
  readonly node: NodeId | null;
  readonly nodeName: string | null;
  readonly kind: "error";
  readonly message: string;
  /** A line for each cause, the nearest first; null without one. */
  readonly cause: string | null;
  /** Where it was thrown, as far as there is room for it; null when that is not known. */
  readonly stack: string | null;
}

/** An attempt whose node was not heard any more, as people and programs see it: no error of the task. */
export interface LapseInfo {
  /** When its lease was taken back. ISO 8601. */
  readonly at: string;
  readonly attempt: number;
  /** Decimal. */
  readonly fence: string;
  readonly node: NodeId | null;
  readonly nodeName: string | null;
  /** How long it had run when its node was heard last; null: nobody is left who knows. */
  readonly ranMs: number | null;
  /** The process of its node had died, and may have died of it: it had run for less than 30 s. */
  readonly counted: boolean;
}

/** A task as the cluster has it; `result` is still encoded. The form of the product's JSON contract. */
export interface TaskSnapshot {
  readonly id: string;
  readonly name: string;
  readonly state: TaskState;
  /** Who holds the lease; null when nobody does. */
  readonly owner: NodeId | null;
  readonly ownerName: string | null;
  /** Decimal; "0" before the first lease. */
  readonly fence: string;
  readonly attempt: number;
  /** How long the lease still holds unless renewed, as far as this node knows; null without a lease. */
  readonly leaseRemainingMs: number | null;
  /** Times are ISO 8601. */
  readonly submittedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** When it goes on, while it sleeps. */
  readonly wakeAt: string | null;
  readonly errors: readonly TaskErrorInfo[];
  readonly result: Uint8Array | null;
  /** The progress that its handler last reported, still encoded. */
  readonly progress: Uint8Array | null;
  /** Commands that its holder has not carried out yet, in order. */
  readonly commands: readonly TaskMessage[];
  readonly partition: number;
  readonly keepers: readonly NodeId[];
  /** Why it is not running; null when it is, or has ended. */
  readonly why: string | null;
  /** From when on nothing of it starts any more; null = never. */
  readonly expiresAt: string | null;
  /** Null unless it is failed. */
  readonly failedBecause: FailedBecause | null;
  readonly lapses: readonly LapseInfo[];
}

/** A member as this node sees it. The form of the product's JSON contract. */
export interface NodeInfo {
  readonly node: NodeId;
  readonly name: string;
  /** `stopped`: it left by itself; `down`: it is not heard any more. */
  readonly state: "up" | "draining" | "stopped" | "down";
  /** The node that was asked. */
  readonly self: boolean;
  /** It starts nothing new until it is unfrozen or its process ends; what it runs goes on. */
  readonly frozen: boolean;
  /** Tasks that it runs, by the gossiped view. */
  readonly tasks: number;
  /** The sum of the loads that its tasks report; 0 when they report none. */
  readonly load: number;
  /** Partitions that it keeps. */
  readonly keeps: number;
  /** Those of them whose copy is whole there and answers. */
  readonly serves: number;
  readonly stewardOf: number;
  /** It is on its way out for good: others take over what it keeps. */
  readonly leaving: boolean;
  /** Its part of the ring on which tasks are placed: all parts are 1, a witness has none. */
  readonly ringShare: number;
  readonly labels: Readonly<Record<string, string>>;
  /** "" as long as it is not known. */
  readonly version: string;
  readonly addresses: readonly string[];
  /** Age of the last heartbeat; null if there was none. */
  readonly lastHeardMs: number | null;
}

/** What a member says that it would take, and how much it has. */
export interface KnownOffer extends MemberOffer {
  /** Tasks that it ran then: older than what the view shows, by seconds, and never incomplete. */
  readonly tasks: number;
}

/** A change of owner or state, from the gossiped view: late and incomplete, never a basis for decisions. */
export interface TaskEvent {
  readonly id: string;
  readonly state: string;
  readonly owner: NodeId | null;
  readonly ownerName: string | null;
  /** Decimal. */
  readonly fence: string;
}

export interface CallOptions {
  /** How long to try. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface SubmitCallOptions extends CallOptions {
  /** Since they were first sent, by the lease clock of whoever sent them. @default 0 */
  readonly ageMs?: number;
}

/** Where a listing goes on: in partition `p`, after the task of that id; "" = with its first. */
export interface ListCursor {
  readonly p: number;
  readonly after: string;
}

export interface ListPage {
  readonly tasks: readonly TaskSnapshot[];
  /** Null at the end. */
  readonly next: ListCursor | null;
}

/** What a client asks of a cluster, directly or through a member. */
export interface ClientPort {
  /**
   * Resolves in the order of the specs once each is recorded by a quorum, or known not to be.
   *
   * @throws NoQuorumError when nothing was sent; UnknownOutcomeError when something may have been recorded;
   * StoppedError
   */
  submit(specs: readonly TaskSpec[], options: SubmitCallOptions): Promise<readonly SubmitStatus[]>;
  /** Resolves when the task has ended; with state "unknown" when there is no such task. */
  outcome(id: string, signal?: AbortSignal): Promise<Outcome>;
  /** @throws NoQuorumError when the task's partition cannot be asked in time */
  get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined>;
  /** Some tasks, from there on. */
  list(
    filter: { readonly state?: TaskState | undefined },
    from: ListCursor,
    options: CallOptions,
  ): Promise<ListPage>;
  /**
   * Sends a command to a task. Resolves once a quorum has recorded it, or it is known why not. `cid` is the
   * caller's: commands with the same one count once.
   *
   * @throws NoQuorumError when nothing was sent; UnknownOutcomeError; StoppedError
   */
  command(id: string, cid: number, message: TaskMessage, options: CallOptions): Promise<CommandStatus>;
  nodes(options: CallOptions): Promise<readonly NodeInfo[]>;
  /** How the cluster stands, as the node that is asked sees it. */
  health(options: CallOptions): Promise<ClusterHealth>;
  /**
   * Has a node do something.
   *
   * @throws NotFoundError; ConnectError when nothing was sent; UnknownOutcomeError when it may have been done
   */
  commandNode(request: NodeCommandRequest, options: CallOptions): Promise<void>;
  /** Until the signal aborts; null where some are missing. */
  watch(signal: AbortSignal): AsyncIterable<readonly TaskEvent[] | null>;
}

/** What the coordinator notifies a consumer of. Calls come in order and must not throw. */
export interface ConsumerPort {
  /** A quorum leased the task to this node: run it. */
  start(p: number, task: GrantedTask): void;
  /** A client sent the task a command: in order, each once. */
  command(p: number, fence: number, no: number, message: HolderMessage): void;
  /** The lease ends soon unless renewed: stop. */
  abort(p: number, fence: number): void;
  /** The lease is gone. */
  lost(p: number, fence: number, reason: LossReason): void;
  /** A quorum recorded a settlement, or it was refused. */
  settled(p: number, fence: number, seq: number, accepted: boolean): void;
  /** The sum of the loads that the running tasks report. */
  load(): number;
}

/** What a consumer asks of the coordinator and reports to it. */
export interface ConsumerControl {
  /**
   * Tasks that it runs at most at once, and of which names; `limits`: of some names fewer than that. Called
   * again, even with the same, it says that it may want what it declined "until something changes".
   */
  offer(
    slots: number,
    handlers: readonly string[],
    standing: Standing,
    limits?: Readonly<Record<string, number>>,
  ): void;
  settle(lease: SettledLease, settlement: Settlement): void;
  /** Between a deadline and the end of its lease: so long a handler may take to end. */
  readonly marginMs: number;
  /** The lease clock. */
  leaseMs(): number;
  /** When the partition's leases end unless they are renewed, lease clock; in the past when they have. */
  validUntilMs(p: number): number;
  /** Asked last, in the turn that calls the handler: the lease stands for longer than the margin. */
  mayBegin(p: number, fence: number): boolean;
  /** Calls back when leases in the partition were renewed; returns what ends that. */
  onRenewed(p: number, callback: () => void): () => void;
}

/**
 * The node that a coordinator works for. Each is made with the other, so the coordinator asks when it has
 * something to say.
 */
export interface OwnNode {
  /** What runs tasks; null as long as there is nothing. */
  consumer(): ConsumerPort | null;
  /** Does what others ask of this node; null as long as there is nobody to do it. It must not throw. */
  onNodeCommand(command: NodeCommand): NodeCommandStatus | null;
}

export interface SettledLease {
  readonly p: number;
  readonly id: string;
  readonly fence: number;
  /** Distinguishes the settlements under one fence. */
  readonly seq: number;
  /** Commands up to this number are carried out; 0 = none. */
  readonly upTo: number;
}

export type CoordinatorEvent =
  /** It has looked around: comes a few times a second. */
  | { readonly type: "looked" }
  | { readonly type: "ready"; readonly epoch: number; readonly members: number }
  | { readonly type: "quorum"; readonly held: boolean }
  | { readonly type: "member"; readonly node: NodeId; readonly name: string; readonly up: boolean }
  /** A member takes tasks that it did not take before, or of other names. */
  | { readonly type: "offer"; readonly node: NodeId }
  /** This node is a member no more; `evicted`: it was silent for too long and asks to be let in again. */
  | { readonly type: "left"; readonly why: "left" | "evicted" | "yielded" }
  /** The cluster does not let it in. */
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "rejected"; readonly peer: NodeId | ""; readonly reason: string }
  /** A keeper's wall clock is behind those of most others. */
  | { readonly type: "clockBehind"; readonly node: NodeId; readonly behindMs: number }
  /** Nobody answers at a `join` address, or its name is not known. */
  | { readonly type: "unreachable"; readonly address: string; readonly reason: string }
  | { readonly type: "listenTrouble"; readonly address: string; readonly reason: string }
  /** The store cannot write at the moment, or can again (null): until then this node votes on nothing. */
  | { readonly type: "store"; readonly error: StoreError | null }
  /** The engine broke an invariant and was stopped. */
  | { readonly type: "broken"; readonly error: unknown };

export interface Coordinator extends ClientPort {
  readonly self: NodeId;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly isReady: boolean;
  /** Aborts when it stops, before what waits is rejected. */
  readonly stopped: AbortSignal;
  stats(): CoordinatorStats;
  /** The members without waiting: the same as `nodes`. */
  members(): readonly NodeInfo[];
  /** What a member says that it would take; null as long as it has not. */
  offerOf(node: NodeId): KnownOffer | null;
  /** For its node's consumer. */
  readonly control: ConsumerControl;
  on(listener: (event: CoordinatorEvent) => void): () => void;
  /** Resolves when the cluster serves: every partition has a steward. */
  ready(signal?: AbortSignal): Promise<void>;
  /** Gives stewardships up, so that nobody need wait for an election; best effort. */
  resign(): Promise<void>;
  /** What keeps this node from leaving for good now; null: nothing. */
  leaveRefusal(): Error | null;
  /**
   * Leaves for good: others keep what it keeps. Resolves when it is out, or the signal aborts. `isPatient`:
   * it waits for its turn, however long that takes.
   */
  leave(signal: AbortSignal, isPatient: boolean): Promise<void>;
  /** Everything that still waits is rejected with StoppedError. */
  stop(): Promise<void>;
}

/** Who is to do what, as it was asked for. */
export interface NodeCommandRequest {
  /** Name or id. */
  readonly node: string;
  readonly command: NodeCommand;
  /** 52 random bits: a repeat with the same number is not done twice. */
  readonly cid: number;
}
