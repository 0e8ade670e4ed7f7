/**
 * One attempt at one task on this node: its state, and the Context that its handler sees. What costs
 * something (the signal, the deadline's listeners, checkpoints) is made when it is first asked for.
 */
import { type Ambient, systemAmbient } from "../coordinator/ambient.ts";
import type { ConsumerControl } from "../coordinator/coordinator.ts";
import { type AbortReason, AttemptAbortedError, LeaseLostError } from "../coordinator/errors.ts";
import type { GrantedTask } from "../protocol/messages.ts";
import type { Settlement } from "../protocol/types.ts";
import { BeatWatch } from "./beat-watch.ts";
import type { Handler } from "./handler.ts";
import { encodeValue } from "./values.ts";

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
  /** `Date.now()` at which the lease ends unless renewed; read it anew before every write without a fence. */
  readonly deadline: number;
  /**
   * Stores a state for later attempts; resolves once a quorum has it.
   *
   * @throws TypeError, RangeError for what cannot be stored; LeaseLostError when the attempt is over
   */
  checkpoint(state: unknown): Promise<void>;
  /** The handler is alive: counts where it was added with `beatTimeoutMs`, and costs nothing elsewhere. */
  beat(): void;
  /** Calls back with every renewed deadline until the attempt ends, or the returned function is called. */
  onDeadline(callback: (deadlineMs: number) => void): () => void;
}

export class Run implements Context {
  readonly p: number;
  readonly task: GrantedTask;
  readonly handler: Handler;
  /** Monotonic. */
  readonly startedMs: number;
  readonly #control: ConsumerControl;
  readonly #ambient: Ambient;
  /** The handler was called and has not ended. */
  isRunning = false;
  isLost = false;
  abortReason: AbortReason | null = null;
  /** The settlement that ends the attempt, once there is one. */
  ending: Settlement | null = null;
  /** Number of that settlement. */
  endingSeq = 0;
  #seq = 0;
  #frozenDeadlineMs = 0;
  #controller: AbortController | null = null;
  #checkpoints: Map<number, PromiseWithResolvers<void>> | null = null;
  #unlisten: Set<() => void> | null = null;
  #beats: BeatWatch | null = null;

  constructor(
    p: number,
    task: GrantedTask,
    handler: Handler,
    control: ConsumerControl,
    ambient: Ambient = systemAmbient,
  ) {
    this.p = p;
    this.task = task;
    this.handler = handler;
    this.#control = control;
    this.#ambient = ambient;
    this.startedMs = ambient.monoMs();
  }

  // ---- Context -------------------------------------------------------------------------------------------

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.abortReason) this.#controller.abort(this.#abortError(this.abortReason));
    }
    return this.#controller.signal;
  }

  get fence(): bigint {
    return BigInt(this.task.fence);
  }

  get attempt(): number {
    return this.task.attempt;
  }

  get deadline(): number {
    return this.isLost ? this.#frozenDeadlineMs : this.#control.deadlineMs(this.p);
  }

  checkpoint(state: unknown): Promise<void> {
    let encoded: Uint8Array;
    try {
      encoded = encodeValue(state, "checkpoint");
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.isLost || this.ending) return Promise.reject(this.#overError());
    const seq = this.settle({ type: "checkpoint", state: encoded });
    const waiting = Promise.withResolvers<void>();
    // a handler that does not wait for its checkpoint must not bring the process down
    waiting.promise.catch(() => {});
    this.#checkpoints ??= new Map();
    this.#checkpoints.set(seq, waiting);
    return waiting.promise;
  }

  beat(): void {
    this.#beats?.beat();
  }

  onDeadline(callback: (deadlineMs: number) => void): () => void {
    if (this.isLost || this.ending) return () => {};
    const unlisten = this.#control.onDeadline(this.p, (deadlineMs) => {
      if (this.isLost) return;
      try {
        callback(deadlineMs);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    });
    const end = (): void => {
      unlisten();
      this.#unlisten?.delete(end);
    };
    this.#unlisten ??= new Set();
    this.#unlisten.add(end);
    return end;
  }

  // ---- for the consumer ----------------------------------------------------------------------------------

  /** Asks the handler to stop. The first reason stays. */
  abort(reason: AbortReason): void {
    if (this.abortReason) return;
    this.abortReason = reason;
    this.#controller?.abort(this.#abortError(reason));
  }

  /** Calls back once when the handler is silent for too long; until it has ended, or the lease has. */
  watchBeats(timeoutMs: number, onSilent: () => void): void {
    this.#beats = new BeatWatch({ timeoutMs, ambient: this.#ambient, onSilent });
  }

  endBeats(): void {
    this.#beats?.end();
    this.#beats = null;
  }

  throwIfAborted(): void {
    if (this.abortReason) throw this.#abortError(this.abortReason);
  }

  /** The lease is gone: no deadline, no renewal, nothing recorded any more. */
  lose(reason: AbortReason): void {
    this.#frozenDeadlineMs = Math.min(this.#ambient.wallMs(), this.#control.deadlineMs(this.p));
    this.isLost = true;
    this.abort(reason);
    this.close();
  }

  settle(settlement: Settlement): number {
    this.beat();
    const { id, fence } = this.task;
    const seq = ++this.#seq;
    this.#control.settle({ p: this.p, id, fence, seq }, settlement);
    return seq;
  }

  /** True when the settlement was a checkpoint's. */
  checkpointSettled(seq: number, accepted: boolean): boolean {
    const waiting = this.#checkpoints?.get(seq);
    if (!waiting) return false;
    this.#checkpoints?.delete(seq);
    if (accepted) waiting.resolve();
    else waiting.reject(this.#overError());
    return true;
  }

  /** Nothing more comes: ends listeners and what still waits. */
  close(): void {
    this.endBeats();
    for (const end of [...this.#unlisten ?? []]) end();
    if (!this.#checkpoints) return;
    for (const waiting of this.#checkpoints.values()) waiting.reject(this.#overError());
    this.#checkpoints = null;
  }

  #abortError(reason: AbortReason): AttemptAbortedError {
    return new AttemptAbortedError(
      `Cannot go on with task ${JSON.stringify(this.task.id)}: ${WHY[reason]}`,
      reason,
    );
  }

  #overError(): LeaseLostError {
    const { id, fence } = this.task;
    return new LeaseLostError(
      `Cannot store a checkpoint of task ${JSON.stringify(id)}: fence ${fence} is over`,
    );
  }
}

const WHY: Readonly<Record<AbortReason, string>> = {
  drain: "the node drains",
  stop: "the node stops",
  lapsing: "its lease was not renewed in time and ends soon",
  lapsed: "its lease has ended",
  condemned: "the cluster took this node for dead and gave its lease away",
  stale: "its lease is not the current one",
  stuck: "it gave no sign of life for too long",
};
