/**
 * What one node asks of another as a whole: the commands of operators, passed on by whichever member they
 * came to. They are not durable: each is done at most once for as long as the node's process lives.
 */

/** Asked of a node by `commandNode`. */
export type NodeCommand =
  /** Starts nothing new until it is unfrozen or restarted; what it runs goes on. */
  | { readonly type: "freeze" }
  | { readonly type: "unfreeze" }
  /** Gives back what its balancer thinks that others should run, even if it is frozen. */
  | { readonly type: "balance" }
  /** Takes nothing new and gives back what it runs, for good. */
  | { readonly type: "drain" }
  /** Stops one task there, which is released: any node may run it next. */
  | { readonly type: "stopTask"; readonly id: string };

/** `missing`: the task does not run there. */
export type NodeCommandStatus = "done" | "missing";

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
