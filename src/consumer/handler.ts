/** What runs a kind of task. */
import type { Context } from "./context.ts";
import type { TaskMessage } from "../protocol/model/types.ts";
import type { TaskDefinition } from "../task/definition.ts";

/** A task as its handler sees it. */
export interface Task<I = unknown> {
  readonly id: string;
  readonly name: string;
  readonly input: I;
  /** What the last checkpoint stored; undefined if there was none. */
  readonly state: unknown;
}

/**
 * Runs a task. Returning completes it; throwing is an error for the error policy. Once `ctx.signal` has
 * aborted, throwing, or returning nothing, releases the task for another node; returning a value still
 * completes it. Throwing an AttemptAbortedError releases it at any time.
 */
export type HandlerFunction<I, O> = (task: Task<I>, ctx: Context) => O | Promise<O>;

/** What went wrong with an attempt. */
export interface TaskFailure {
  readonly id: string;
  readonly attempt: number;
  /** What was thrown. */
  readonly error: unknown;
  /** When the errors before it came, oldest first, eight at most. */
  readonly earlier: readonly Date[];
}

/**
 * What becomes of a task after an error: `sleep` or `run` (again, on another node first), `release` (the
 * same), `pause`, `kill`, `complete`, `error` (it has failed, for good); undefined: the default policy. The
 * error is kept with the task, unless it completes. Throwing, and answers that are none, count as undefined.
 */
export type ErrorHandler = (failure: TaskFailure) => TaskMessage | undefined;

/** How a handler is run. */
export interface HandlerOptions {
  /**
   * Tasks of it at once on this node.
   *
   * @default the node's capacity
   */
  readonly concurrency?: number;
  /**
   * "thread": each attempt in a thread of its own, so that a handler that never lets go blocks nothing else
   * and can be ended. The handler is then a module, whose default export is the function.
   *
   * @default "none"
   */
  readonly isolation?: "none" | "thread";
  /**
   * A handler that neither calls `ctx.beat()`, reports progress nor stores a checkpoint for this long is
   * stuck: its signal aborts, and after `graceMs` the attempt is an error, so that the task goes elsewhere.
   *
   * @default off
   */
  readonly beatTimeoutMs?: number;
  /**
   * How long a handler may go on after its signal has aborted until its thread is ended, or until it is given
   * up as stuck. A thread is ended before the lease is, whatever this says.
   *
   * @default 2000
   */
  readonly graceMs?: number;
  /**
   * Decides after an error, in place of attempts, `retry` and Metafora's rule.
   *
   * @default none
   */
  readonly onError?: ErrorHandler;
}

/** A definition with what runs it. */
export interface Handler {
  readonly definition: TaskDefinition;
  readonly run: HandlerFunction<unknown, unknown>;
  /** Tasks of it at once; undefined = as many as the node takes. */
  readonly concurrency?: number;
  /** It ends, or is ended, in any case. */
  readonly isIsolated?: boolean;
  /** @default off */
  readonly beatTimeoutMs?: number | undefined;
  /** @default GRACE_MS */
  readonly graceMs?: number;
  readonly onError?: ErrorHandler;
}

export const GRACE_MS = 2000;

/** By name, of the handlers that take fewer tasks at once than the node. */
export function limitsOf(handlers: Iterable<Handler>): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const { definition, concurrency } of handlers) {
    if (concurrency !== undefined) limits[definition.name] = concurrency;
  }
  return limits;
}
