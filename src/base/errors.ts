/**
 * The conditions that a program may want to catch, one class each. Bad arguments are plain TypeErrors and
 * RangeErrors.
 */
import { StolosError } from "../protocol/model/stolos-error.ts";
import type { NodeId } from "../protocol/model/types.ts";

/** What a schema finds wrong, as Standard Schema has it. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The input of a task does not fit its definition. */
export class InvalidInputError extends StolosError {
  /** All that the schema found; empty when another process found it. */
  readonly issues: readonly SchemaIssue[];

  constructor(message: string, issues: readonly SchemaIssue[] = []) {
    super("INVALID_INPUT", message);
    this.issues = issues;
  }
}

/** What a handler returned does not fit the definition's `output`: an error of that attempt. */
export class InvalidResultError extends StolosError {
  readonly issues: readonly SchemaIssue[];

  constructor(message: string, issues: readonly SchemaIssue[]) {
    super("INVALID_RESULT", message);
    this.issues = issues;
  }
}

/** The id is in use by a task of another name or with another input. */
export class ConflictError extends StolosError {
  readonly ids: readonly string[];

  constructor(message: string, ids: readonly string[] = []) {
    super("CONFLICT", message);
    this.ids = ids;
  }
}

/** A keeper as a NoQuorumError saw it; `up`: it is there, and its copy is whole. */
export interface KeeperState {
  readonly id: NodeId;
  readonly name: string;
  readonly up: boolean;
}

/** Nothing was done: no steward of the partition could be asked in time. */
export class NoQuorumError extends StolosError {
  /** -1 while there is no cluster yet. */
  readonly partition: number;
  readonly keepers: readonly KeeperState[];

  constructor(message: string, partition = -1, keepers: readonly KeeperState[] = []) {
    super("NO_QUORUM", message);
    this.partition = partition;
    this.keepers = keepers;
  }
}

/** It was asked for and not answered in time: it may or may not come to pass. Retry with the same id. */
export class UnknownOutcomeError extends StolosError {
  readonly ids: readonly string[];

  constructor(message: string, ids: readonly string[] = []) {
    super("UNKNOWN_OUTCOME", message);
    this.ids = ids;
  }
}

/** The task, if there was one, ended so long ago that nothing is known of it any more. */
export class TooOldError extends StolosError {
  constructor(message: string) {
    super("OUTCOME_UNKNOWN_RETENTION", message);
  }
}

/**
 * As many wait as may: commands for one task's handler (64), or requests of one client at its member
 * (100,000). Nothing was done; try later. A submit that a steward has no room for waits until it has.
 */
export class BusyError extends StolosError {
  constructor(message: string) {
    super("BUSY", message);
  }
}

/** The node or task that was named does not exist. */
export class NotFoundError extends StolosError {
  constructor(message: string) {
    super("NOT_FOUND", message);
  }
}

/** The node or client was stopped. */
export class StoppedError extends StolosError {
  constructor(message: string) {
    super("STOPPED", message);
  }
}

/** No member of the cluster could be reached in time. */
export class ConnectError extends StolosError {
  constructor(message: string, options?: ErrorOptions) {
    super("CONNECT_FAILED", message, options);
  }
}

/** The other side speaks another version of the protocol. */
export class VersionMismatchError extends StolosError {
  constructor(message: string) {
    super("VERSION_MISMATCH", message);
  }
}

/** An answer, or what was asked, does not fit one message. Nothing was done: ask for less at once. */
export class TooLargeError extends StolosError {
  constructor(message: string) {
    super("TOO_LARGE", message);
  }
}

/** The state of the task does not allow it: it has ended, or is paused; or for `leave` the cluster's. */
export class StateError extends StolosError {
  constructor(message: string) {
    super("WRONG_STATE", message);
  }
}

/** Thrown by a handler: no further attempt, whatever the retry policy says. */
export class FatalError extends StolosError {
  constructor(message: string, options?: ErrorOptions) {
    super("FATAL", message, options);
  }
}

/** The lease under which something was to be recorded is not the task's present one. */
export class LeaseLostError extends StolosError {
  constructor(message: string) {
    super("LEASE_LOST", message);
  }
}

/** Why a handler's signal aborted. */
export type AbortReason =
  | "drain"
  | "stop"
  | "lapsing"
  | "lapsed"
  | "condemned"
  | "stale"
  /** Commands. */
  | "pause"
  | "sleep"
  | "kill"
  | "release"
  | "error"
  | "complete"
  /** The time of the task is over. */
  | "expired"
  /** This node has more than its share. */
  | "balance"
  /** No beat for too long. */
  | "stuck";

/** The reason of a handler's aborted signal. */
export class AttemptAbortedError extends StolosError {
  readonly reason: AbortReason;

  constructor(message: string, reason: AbortReason) {
    super("ATTEMPT_ABORTED", message);
    this.reason = reason;
  }
}

/**
 * Thrown by a handler that could not begin its work, through no fault of the task: the attempt does not
 * count, another node may have it at once, and this one is not offered it again before `forMs` are over.
 */
export class DeclinedError extends AttemptAbortedError {
  readonly forMs: number;

  constructor(message: string, forMs: number) {
    super(message, "release");
    this.forMs = forMs;
  }
}
