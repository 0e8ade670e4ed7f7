/**
 * The Context of a handler that runs in a thread. Deadline and abort come twice: as messages, for a handler
 * that waits, and in shared memory, for one that looks at `ctx.signal` or `ctx.deadline` and never waits.
 */
import { AttemptAbortedError, LeaseLostError } from "../../coordinator/errors.ts";
import type { Context } from "../run.ts";
import { encodeValue } from "../values.ts";
import { CELLS, type FromThread, type PlainError, reasonOfNo, type RunMessage } from "./messages.ts";
import { errorOf } from "./plain-error.ts";

export class ThreadContext implements Context {
  readonly fence: bigint;
  readonly attempt: number;
  readonly no: number;
  readonly #id: string;
  readonly #cells: BigInt64Array;
  readonly #tell: (message: FromThread) => void;
  readonly #beatEveryMs: number;
  readonly #controller: AbortController = new AbortController();
  readonly #listeners: Set<(deadlineMs: number) => void> = new Set();
  readonly #checkpoints: Map<number, PromiseWithResolvers<void>> = new Map();
  #beatMs = -Infinity;
  #seq = 0;
  #isOver = false;

  constructor(message: RunMessage, cells: BigInt64Array, tell: (message: FromThread) => void) {
    this.fence = message.fence;
    this.attempt = message.attempt;
    this.no = message.no;
    this.#id = message.id;
    this.#beatEveryMs = message.beatEveryMs;
    this.#cells = cells;
    this.#tell = tell;
  }

  get signal(): AbortSignal {
    const reason = reasonOfNo(Number(Atomics.load(this.#cells, CELLS.abort)));
    if (reason !== null && !this.#controller.signal.aborted && !this.#isOver) {
      const id = JSON.stringify(this.#id);
      this.abort(new AttemptAbortedError(`Cannot go on with task ${id}: its attempt was aborted`, reason));
    }
    return this.#controller.signal;
  }

  get deadline(): number {
    return this.#isOver ? 0 : Number(Atomics.load(this.#cells, CELLS.deadlineMs));
  }

  beat(): void {
    if (this.#beatEveryMs === 0 || this.#isOver) return;
    const nowMs = performance.now();
    if (nowMs - this.#beatMs < this.#beatEveryMs) return;
    this.#beatMs = nowMs;
    this.#tell({ type: "beat", no: this.no });
  }

  checkpoint(state: unknown): Promise<void> {
    let encoded: Uint8Array;
    try {
      encoded = encodeValue(state, "checkpoint");
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#isOver) return Promise.reject(this.#overError());
    const seq = ++this.#seq;
    const waiting = Promise.withResolvers<void>();
    // a handler that does not wait for its checkpoint must not end the thread
    waiting.promise.catch(() => {});
    this.#checkpoints.set(seq, waiting);
    this.#tell({ type: "checkpoint", no: this.no, seq, state: encoded });
    return waiting.promise;
  }

  onDeadline(callback: (deadlineMs: number) => void): () => void {
    if (this.#isOver) return () => {};
    // one that is added twice is called twice
    const listener = (deadlineMs: number): void => callback(deadlineMs);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  // ---- for the thread ------------------------------------------------------------------------------------

  abort(error: AttemptAbortedError): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(error);
  }

  renewed(deadlineMs: number): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(deadlineMs);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  checkpointed(seq: number, error: PlainError | null): void {
    const waiting = this.#checkpoints.get(seq);
    this.#checkpoints.delete(seq);
    if (error) waiting?.reject(errorOf(error));
    else waiting?.resolve();
  }

  /** The handler has ended. */
  close(): void {
    this.#isOver = true;
    this.#listeners.clear();
    for (const waiting of this.#checkpoints.values()) waiting.reject(this.#overError());
    this.#checkpoints.clear();
  }

  #overError(): LeaseLostError {
    const id = JSON.stringify(this.#id);
    return new LeaseLostError(`Cannot store a checkpoint of task ${id}: fence ${this.fence} is over`);
  }
}
