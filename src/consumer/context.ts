/** What a handler is given beside its task; attempt.ts is it. */
import type { TaskMessage } from "../protocol/model/types.ts";
import type { Meter } from "./task-load.ts";

/** What a handler is given beside its task. */
export interface Context {
  /** Aborts when the attempt must end: the node drains, or the lease will not be renewed in time. */
  readonly signal: AbortSignal;
  /**
   * Grows with every lease of the task. Present it wherever the task writes, and refuse smaller ones there.
   */
  readonly fence: bigint;
  /** 1 for the first lease of the task. */
  readonly attempt: number;
  /**
   * `Date.now()` at which the attempt must end unless the lease is renewed, `marginMs` before the lease ends:
   * its signal aborts then. A handler that never waits reads it anew, at least before every write without a
   * fence.
   */
  readonly deadline: number;
  /** How long the attempt may take to end, ms, from its deadline or the abort of its signal. */
  readonly marginMs: number;
  /**
   * Stores a state for later attempts; resolves once a quorum has it.
   *
   * @throws TypeError, RangeError for what cannot be stored; LeaseLostError when the attempt is over
   */
  checkpoint(state: unknown): Promise<void>;
  /**
   * The commands that clients send to the task, in order. The one read last counts as carried out when the
   * next is asked for. What pauses, ends or releases an attempt is carried out by the node: the signal
   * aborts. A stateful handler carries out all of them itself. Reading anew ends the iteration before.
   */
  readonly commands: AsyncIterableIterator<TaskMessage>;
  /**
   * Reports how far the attempt is, for people: recorded once a second at most, 4 KiB at most.
   *
   * @throws TypeError, RangeError for what cannot be stored
   */
  progress(value: unknown): void;
  /**
   * `callback` is asked for the handler's state once the attempt has ended because the task goes elsewhere;
   * the next attempt has it as `task.state`, like a checkpoint's. The last one given counts.
   */
  onHandOff(callback: () => unknown): void;
  /** The handler is alive: counts where it was added with `beatTimeoutMs`, and costs nothing elsewhere. */
  beat(): void;
  /**
   * Reports how much of its node the task takes, in whatever unit all tasks share: for `meteredBalancer`.
   *
   * @throws RangeError for what is no number >= 0
   */
  load(load: number): void;
  /** The same by counting: its rate per second over the last minute is the load, unless one was reported. */
  readonly meter: Meter;
  /** Calls back with every renewed deadline until the attempt ends, or the returned function is called. */
  onDeadline(callback: (deadlineMs: number) => void): () => void;
}
