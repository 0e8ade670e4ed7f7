/**
 * One attempt at one task on this node: its state, and the Context (context.ts) that its handler sees. What
 * costs something (the signal, the deadline's listeners, checkpoints) is made when it is first needed.
 */
import { type Environment, systemEnvironment } from "../base/environment.ts";
import { type AbortReason, AttemptAbortedError, LeaseLostError } from "../base/errors.ts";
import type { Leased } from "../base/leased.ts";
import { guardSignal } from "../base/guarded-listeners.ts";
import { hearRejection, messageOfThrown, unheard } from "../base/thrown.ts";
import type { ConsumerControl } from "../coordinator/coordinator.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import type { HolderMessage, Settlement, TaskMessage } from "../protocol/model/types.ts";
import { encodeValue } from "../task/values.ts";
import { BeatWatch } from "./beat-watch.ts";
import { CommandFeed } from "./command-feed.ts";
import type { Context } from "./context.ts";
import { callbackError, type CallbackErrorInfo, type CallbackErrors } from "./callback-error.ts";
import type { Handler } from "./handler.ts";
import { Progress } from "./progress.ts";
import { type Meter, TaskLoad } from "./task-load.ts";

/** How a stateful handler declares what it is, whatever it is wrapped in. */
export interface StatefulAttempt {
  becomeStateful(): void;
}

export class Attempt implements Context, Leased, StatefulAttempt, CallbackErrors {
  readonly p: number;
  readonly task: GrantedTask;
  readonly handler: Handler;
  /** Monotonic. */
  readonly startedMs: number;
  /** Monotonic: when its signal aborted; null before that. */
  abortedMs: number | null = null;
  readonly #control: ConsumerControl;
  readonly #environment: Environment;
  readonly #onCallbackError: (info: CallbackErrorInfo) => void;
  #isRunning = false;
  isLost = false;
  abortReason: AbortReason | null = null;
  /** The settlement that ends the attempt, once there is one. */
  ending: Settlement | null = null;
  /** Number of that settlement. */
  endingSeq = 0;
  /** Why its state could not be handed over; "" when nothing was wrong. */
  handOffError = "";
  /** The command that ends the attempt, once there is one. */
  endCommand: TaskMessage | null = null;
  /** Commands up to this number are carried out. */
  #doneNo = 0;
  /** Number of `endCommand`, which is carried out when the attempt has ended. */
  #endNo = 0;
  #isStateful = false;
  #seq = 0;
  #feed: CommandFeed | null = null;
  #progress: Progress | null = null;
  #load: TaskLoad | null = null;
  #handOff: (() => unknown) | null = null;
  /** Lease clock; of one that is lost. */
  #endMs = 0;
  #controller: AbortController | null = null;
  #checkpoints: Map<number, PromiseWithResolvers<void>> | null = null;
  #unlisten: Set<() => void> | null = null;
  #beats: BeatWatch | null = null;

  constructor(
    p: number,
    task: GrantedTask,
    handler: Handler,
    control: ConsumerControl,
    environment: Environment = systemEnvironment,
    onCallbackError: (info: CallbackErrorInfo) => void = () => {},
  ) {
    this.p = p;
    this.task = task;
    this.handler = handler;
    this.#control = control;
    this.#environment = environment;
    this.#onCallbackError = onCallbackError;
    this.startedMs = environment.monoMs();
  }

  // ---- Context --------------------------------------------------------------------------------------------

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      guardSignal(this.#controller, (error) => this.callbackFailed("abort listener", error));
      if (this.abortReason) this.#controller.abort(abortError(this.task.id, this.abortReason));
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
    // read first: a stop in between makes it no later
    const wallMs = this.#environment.wallMs();
    return Math.max(0, wallMs + this.remainingMs - this.marginMs);
  }

  get remainingMs(): number {
    const endMs = this.isLost ? this.#endMs : this.#control.validUntilMs(this.p);
    return endMs - this.#control.leaseMs();
  }

  get marginMs(): number {
    return this.#control.marginMs;
  }

  /** The last look before its handler is called: the lease stands for longer than the margin. */
  get mayBegin(): boolean {
    return !this.isLost && this.#control.mayBegin(this.p, this.task.fence);
  }

  checkpoint(state: unknown): Promise<void> {
    let encoded: Uint8Array;
    try {
      encoded = encodeValue(state, "checkpoint");
    } catch (error) {
      return unheard(error);
    }
    if (this.isLost || this.ending) return unheard(this.#overError());
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

  get commands(): AsyncIterableIterator<TaskMessage> {
    return this.#commandFeed().open();
  }

  #commandFeed(): CommandFeed {
    return this.#feed ??= new CommandFeed((no) => this.#carriedOut(no));
  }

  progress(value: unknown): void {
    if (this.isLost || this.ending) return;
    this.beat();
    this.#progress ??= new Progress(this.#environment, (value) => this.settle({ type: "progress", value }));
    this.#progress.report(value);
  }

  get meter(): Meter & TaskLoad {
    return this.#load ??= new TaskLoad(this.#environment);
  }

  load(load: number): void {
    this.meter.report(load);
  }

  onHandOff(callback: () => unknown): void {
    this.#handOff = callback;
  }

  onDeadline(callback: (deadlineMs: number) => void): () => void {
    if (this.isLost || this.ending) return () => {};
    const unlisten = this.#control.onRenewed(this.p, () => {
      if (this.isLost) return;
      try {
        hearRejection(callback(this.deadline), (error) => this.callbackFailed("onDeadline", error));
      } catch (error) {
        this.callbackFailed("onDeadline", error);
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

  // ---- for the consumer -----------------------------------------------------------------------------------

  /** The handler was called and has not ended. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The handler is called. */
  begin(): void {
    this.#isRunning = true;
  }

  /** The handler has ended. */
  end(): void {
    this.#isRunning = false;
  }

  /** The load that its handler reported. */
  get reportedLoad(): number {
    return this.#load?.value ?? 0;
  }

  /** Asks the handler to stop. The first reason stays. */
  abort(reason: AbortReason): void {
    if (this.abortReason) return;
    this.abortReason = reason;
    this.abortedMs = this.#environment.monoMs();
    this.#controller?.abort(abortError(this.task.id, reason));
    if (this.#isStateful) this.#commandFeed().push({ no: 0, message: { type: "release" } });
  }

  becomeStateful(): void {
    this.#isStateful = true;
  }

  callbackFailed(source: string, error: unknown): void {
    this.#onCallbackError(callbackError(source, error, this.task.id));
  }

  /** A client sent the task a command, or its time is over. */
  command(no: number, message: HolderMessage): void {
    // whatever the handler is, it must end
    if (message.type === "expire") return this.abort("expired");
    if (this.#isStateful || message.type === "checkpoint") {
      return this.#commandFeed().push({ no, message });
    }
    // it runs already: there is nothing to do
    if (message.type === "run") return this.endCommand ? undefined : this.#carriedOut(no);
    // what comes after the command that ends the attempt finds the task without a holder
    if (this.endCommand) return;
    this.endCommand = message;
    this.#endNo = no;
    this.abort(message.type);
  }

  /** The handler returned: the command that it read last is carried out. */
  finishReading(): void {
    this.#feed?.finishReading();
  }

  #carriedOut(no: number): void {
    this.#doneNo = Math.max(this.#doneNo, no);
    if (!this.ending && !this.isLost) this.settle({ type: "ack" });
  }

  /** Sends the settlement that ends the attempt, and before it what the handler hands over. */
  finish(settlement: Settlement): void {
    this.ending = settlement;
    this.#progress?.close(this.isLost);
    const isElsewhere = settlement.type === "release" || settlement.type === "sleep" ||
      settlement.type === "pause";
    const state = isElsewhere ? this.#stateToHandOver() : null;
    if (state) this.settle({ type: "checkpoint", state });
    this.#doneNo = Math.max(this.#doneNo, this.#endNo);
    this.endingSeq = this.settle(settlement);
  }

  #stateToHandOver(): Uint8Array | null {
    if (!this.#handOff) return null;
    try {
      const state = this.#handOff();
      hearRejection(state);
      return encodeValue(state, "state to hand over");
    } catch (error) {
      // the last checkpoint stays
      this.handOffError = messageOfThrown(error);
      return null;
    }
  }

  /** Calls back once when the handler is silent for too long, unless it or its lease has ended before. */
  watchBeats(timeoutMs: number, onSilent: () => void): void {
    this.#beats = new BeatWatch({ timeoutMs, environment: this.#environment, onSilent });
  }

  endBeats(): void {
    this.#beats?.end();
    this.#beats = null;
  }

  /** @throws AttemptAbortedError when its handler must not be called */
  throwUnlessMayBegin(): void {
    if (this.abortReason) throw abortError(this.task.id, this.abortReason);
    if (!this.mayBegin) throw abortError(this.task.id, "lapsing");
  }

  /** The lease is gone: no deadline, no renewal, nothing recorded any more. */
  lose(reason: AbortReason): void {
    const marginEndMs = this.#control.leaseMs() + this.marginMs;
    this.#endMs = Math.min(marginEndMs, this.#control.validUntilMs(this.p));
    this.isLost = true;
    this.abort(reason);
    this.close();
  }

  settle(settlement: Settlement): number {
    this.beat();
    const { id, fence } = this.task;
    const seq = ++this.#seq;
    this.#control.settle({ p: this.p, id, fence, seq, upTo: this.#doneNo }, settlement);
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
    this.#progress?.close(true);
    this.#feed?.close();
    if (!this.#checkpoints) return;
    for (const waiting of this.#checkpoints.values()) waiting.reject(this.#overError());
    this.#checkpoints = null;
  }

  #overError(): LeaseLostError {
    const { id, fence } = this.task;
    return new LeaseLostError(
      `Cannot store a checkpoint of task ${JSON.stringify(id)}: fence ${fence} is over`,
    );
  }
}

/** What the signal of an attempt aborts with. */
export function abortError(id: string, reason: AbortReason): AttemptAbortedError {
  return new AttemptAbortedError(`Cannot go on with task ${JSON.stringify(id)}: ${WHY[reason]}`, reason);
}

/** Why attempts must end, in words. */
const WHY: Readonly<Record<AbortReason, string>> = {
  drain: "the node drains",
  stop: "the node stops",
  release: "it was asked to go elsewhere",
  balance: "the node balances: another one shall run it",
  lapsing: "its lease was not renewed in time and ends soon",
  lapsed: "its lease has ended",
  condemned: "the cluster took this node for dead and gave its lease away",
  stale: "its lease is not the current one",
  stuck: "it gave no sign of life for too long",
  pause: "it was asked to pause",
  sleep: "it was asked to sleep",
  kill: "it was killed",
  error: "a command says that something is wrong",
  complete: "a command says that it is complete",
  expired: "its time is over",
};
