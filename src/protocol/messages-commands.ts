/** Commands to tasks: from a client to the task's steward, and from there to who holds its lease. */
import type { QueuedCommand, TaskMessage } from "./types.ts";

/**
 * `applied`: nobody held the task, it is done. `queued`: it is recorded and goes to the holder, or is applied
 * when there is none any more. `invalid`: the task's state does not allow it. `busy`: too many wait already.
 */
export type CommandStatus = "applied" | "queued" | "unknown" | "ended" | "invalid" | "busy";

export interface CommandMessage {
  readonly type: "command";
  readonly rid: number;
  readonly p: number;
  readonly id: string;
  /** The client's number for it: repeated, it changes nothing. */
  readonly cid: number;
  readonly message: TaskMessage;
}

export interface CommandReplyMessage {
  readonly type: "commandReply";
  readonly rid: number;
  readonly p: number;
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
