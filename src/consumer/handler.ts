/** What runs a kind of task. */
import type { Context } from "./context.ts";
import type { TaskDefinition } from "./task-definition.ts";

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
 * completes it.
 * Throwing an AttemptAbortedError releases it at any time.
 */
export type HandlerFunction<I, O> = (task: Task<I>, ctx: Context) => O | Promise<O>;

/** How a handler is run. */
export interface HandlerOptions {
  /**
   * Tasks of it at once on this node.
   *
   * @default the node's capacity
   */
  readonly concurrency?: number;
}

/** A definition with what runs it. */
export interface Handler {
  readonly definition: TaskDefinition;
  readonly run: HandlerFunction<unknown, unknown>;
  /** Tasks of it at once; undefined = as many as the node takes. */
  readonly concurrency?: number | undefined;
}
