/**
 * The Context of a handler that runs in a thread. Deadline and abort come twice: as messages, for a handler
 * that waits, and in shared memory, for one that looks at `ctx.signal` or `ctx.deadline` and never waits.
 */
import { AttemptAbortedError, LeaseLostError } from "../../base/errors.ts";
import type { Leased } from "../../base/leased.ts";
import type { SenderClock } from "../../base/sender-clock.ts";
import { guardSignal } from "../../base/guarded-listeners.ts";
import { hearRejection, unheard } from "../../base/thrown.ts";
import type { TaskMessage } from "../../protocol/model/types.ts";
import { CommandFeed } from "../command-feed.ts";
import type { Context } from "../context.ts";
import { systemEnvironment } from "../../base/environment.ts";
import { encodeProgress } from "../progress.ts";
import type { StatefulAttempt } from "../attempt.ts";
import { checkAmount, type Meter, TaskLoad } from "../task-load.ts";
import { encodeValue } from "../../task/values.ts";
import {
  CELLS,
  errorOf,
  type FromThread,
  type HandOff,
  type PlainError,
  plainError,
  reasonOfNo,
  type RunMessage,
  unpackLease,
} from "./messages.ts";

/** A thread that takes messages has taken one after this time. */
const MESSAGE_MS = 20;
/** The node records the newest once a second. */
const PROGRESS_EVERY_MS = 100;

/** What a thread has for all its attempts. */
export interface ThreadSurroundings {
  readonly cells: BigInt64Array;
  /** Of whoever writes the cells. */
  readonly clock: SenderClock;
  readonly send: (message: FromThread) => void;
}

export class ThreadContext implements Context, Leased, StatefulAttempt {
  readonly fence: bigint;
  readonly attempt: number;
  readonly marginMs: number;
  readonly no: number;
  readonly #id: string;
  readonly #cells: BigInt64Array;
  readonly #clock: SenderClock;
  /** As it was read last, and when the lease ends that it shows. */
  #lease: { readonly cell: bigint; readonly endMs: number } = { cell: -1n, endMs: 0 };
  readonly #send: (message: FromThread) => void;
  readonly #beatEveryMs: number;
  readonly #controller: AbortController = new AbortController();
  readonly #listeners: Set<(deadlineMs: number) => unknown> = new Set();
  readonly #checkpoints: Map<number, PromiseWithResolvers<void>> = new Map();
  readonly #feed: CommandFeed;
  /** When the abort was first seen in shared memory. */
  #noticedMs: number | null = null;
  #isReading = false;
  #handOff: (() => unknown) | null = null;
  #newest: Uint8Array | null = null;
  #meter: ThreadMeter | null = null;
  #sentMs = -Infinity;
  #beatMs = -Infinity;
  #seq = 0;
  #isOver = false;

  constructor(message: RunMessage, { cells, clock, send }: ThreadSurroundings) {
    this.fence = message.fence;
    this.attempt = message.attempt;
    this.marginMs = message.marginMs;
    this.no = message.no;
    this.#id = message.id;
    this.#beatEveryMs = message.beatEveryMs;
    this.#cells = cells;
    this.#clock = clock;
    this.#send = send;
    guardSignal(this.#controller, (error) => this.#callbackFailed("abort listener", error));
    this.#feed = new CommandFeed((command) => this.#send({ type: "carriedOut", no: this.no, command }));
  }

  get signal(): AbortSignal {
    if (!this.#controller.signal.aborted && !this.#isOver) this.#lookAtCell();
    return this.#controller.signal;
  }

  /** A handler that waits gets the message first, and finds no signal aborted before it could listen. */
  #lookAtCell(): void {
    const reason = reasonOfNo(Number(Atomics.load(this.#cells, CELLS.abort)));
    if (reason === null) return;
    const nowMs = performance.now();
    this.#noticedMs ??= nowMs;
    if (nowMs - this.#noticedMs < MESSAGE_MS) return;
    const id = JSON.stringify(this.#id);
    this.abort(new AttemptAbortedError(`Cannot go on with task ${id}: its attempt was aborted`, reason));
  }

  get deadline(): number {
    if (this.#isOver) return 0;
    // read first: a stop in between makes it no later
    const wallMs = Date.now();
    return wallMs + this.remainingMs - this.marginMs;
  }

  get remainingMs(): number {
    const cell = Atomics.load(this.#cells, CELLS.lease);
    if (cell !== this.#lease.cell) {
      this.#lease = { cell, endMs: this.#clock.deadlineMs(unpackLease(cell)) };
    }
    return this.#lease.endMs - this.#clock.nowMs();
  }

  beat(): void {
    if (this.#beatEveryMs === 0 || this.#isOver) return;
    const nowMs = performance.now();
    if (nowMs - this.#beatMs < this.#beatEveryMs) return;
    this.#beatMs = nowMs;
    this.#send({ type: "beat", no: this.no });
  }

  checkpoint(state: unknown): Promise<void> {
    let encoded: Uint8Array;
    try {
      encoded = encodeValue(state, "checkpoint");
    } catch (error) {
      return unheard(error);
    }
    if (this.#isOver) return unheard(this.#overError());
    const seq = ++this.#seq;
    const waiting = Promise.withResolvers<void>();
    // a handler that does not wait for its checkpoint must not end the thread
    waiting.promise.catch(() => {});
    this.#checkpoints.set(seq, waiting);
    this.#send({ type: "checkpoint", no: this.no, seq, state: encoded });
    return waiting.promise;
  }

  get commands(): AsyncIterableIterator<TaskMessage> {
    if (!this.#isReading) this.#send({ type: "reading", no: this.no });
    this.#isReading = true;
    return this.#feed.open();
  }

  progress(value: unknown): void {
    if (this.#isOver) return;
    this.beat();
    this.#newest = encodeProgress(value);
    const nowMs = performance.now();
    if (nowMs - this.#sentMs < PROGRESS_EVERY_MS) return;
    this.#sentMs = nowMs;
    this.#sendNewest();
  }

  #sendNewest(): void {
    if (this.#newest) this.#send({ type: "progress", no: this.no, value: this.#newest });
    this.#newest = null;
  }

  load(load: number): void {
    checkAmount("report the load", load);
    if (!this.#isOver) this.#send({ type: "load", no: this.no, value: load });
  }

  /** Counted here and, in sums, on the node. */
  get meter(): Meter {
    return this.#meter ??= new ThreadMeter((value) => {
      if (!this.#isOver) this.#send({ type: "mark", no: this.no, value });
    });
  }

  onHandOff(callback: () => unknown): void {
    this.#handOff = callback;
  }

  onDeadline(callback: (deadlineMs: number) => void): () => void {
    if (this.#isOver) return () => {};
    // one that is added twice is called twice
    const listener = (deadlineMs: number): unknown => callback(deadlineMs);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  becomeStateful(): void {
    this.#send({ type: "stateful", no: this.no });
  }

  // ---- for the thread -------------------------------------------------------------------------------------

  abort(error: AttemptAbortedError): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(error);
  }

  renewed(): void {
    for (const listener of [...this.#listeners]) {
      try {
        hearRejection(listener(this.deadline), (error) => this.#callbackFailed("onDeadline", error));
      } catch (error) {
        this.#callbackFailed("onDeadline", error);
      }
    }
  }

  #callbackFailed(source: string, error: unknown): void {
    this.#send({ type: "callbackFailed", no: this.no, source, error: plainError(error) });
  }

  checkpointed(seq: number, error: PlainError | null): void {
    const waiting = this.#checkpoints.get(seq);
    this.#checkpoints.delete(seq);
    if (error) waiting?.reject(errorOf(error));
    else waiting?.resolve();
  }

  command(command: number, message: TaskMessage): void {
    this.#feed.push({ no: command, message });
  }

  /** The handler returned: what it read last is carried out. */
  finishReading(): void {
    this.#feed.finishReading();
  }

  /** The state for the next attempt, when this one was aborted or may not be the last. */
  handOff(isWanted: boolean): HandOff {
    if (!this.#handOff || !(isWanted || this.signal.aborted)) return null;
    try {
      const state = this.#handOff();
      hearRejection(state);
      return encodeValue(state, "state to hand over");
    } catch (error) {
      return plainError(error);
    }
  }

  /** The handler has ended. */
  close(): void {
    this.#sendNewest();
    this.#isOver = true;
    this.#feed.close();
    this.#listeners.clear();
    for (const waiting of this.#checkpoints.values()) waiting.reject(this.#overError());
    this.#checkpoints.clear();
  }

  #overError(): LeaseLostError {
    const id = JSON.stringify(this.#id);
    return new LeaseLostError(`Cannot store a checkpoint of task ${id}: fence ${this.fence} is over`);
  }
}

class ThreadMeter implements Meter {
  readonly #own: TaskLoad = new TaskLoad(systemEnvironment);
  readonly #send: (count: number) => void;
  #count = 0;
  #sentMs = -Infinity;

  constructor(send: (count: number) => void) {
    this.#send = send;
  }

  mark(count = 1): void {
    this.#own.mark(count);
    this.#count += count;
    const nowMs = performance.now();
    if (nowMs - this.#sentMs < PROGRESS_EVERY_MS) return;
    this.#sentMs = nowMs;
    this.#send(this.#count);
    this.#count = 0;
  }

  get rate(): number {
    return this.#own.rate;
  }
}
