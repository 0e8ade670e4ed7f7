/**
 * The consumer: offers slots, runs what is leased to this node, and reports to the coordinator how it ended.
 * A new attempt at a task that still runs here under an older fence waits for that one to end, and is given
 * back when this takes too long.
 */
import { type Environment, systemEnvironment } from "../base/environment.ts";
import type { AbortReason } from "../base/errors.ts";
import type { ConsumerControl, ConsumerPort } from "../coordinator/coordinator.ts";
import type { LossReason } from "../protocol/model/contract.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import type { HolderMessage, Settlement } from "../protocol/model/types.ts";
import {
  AttemptCounts,
  type AttemptEventType,
  type AttemptInfo,
  infoOf,
  isLate,
  LATE,
  REFUSED,
  reportOf,
} from "./attempt-events.ts";
import { Attempt } from "./attempt.ts";
import type { CallbackErrorInfo } from "./callback-error.ts";
import { type Handler, limitsOf } from "./handler.ts";
import { callHandler, endingOfError, endingOfValue, promiseOf } from "./invocation.ts";
import { type LoopBlockedInfo, LoopWatch } from "./loop-watch.ts";
import { StuckHandlers } from "./stuck-handlers.ts";

export interface ConsumerOptions {
  readonly control: ConsumerControl;
  /** Tasks at once. */
  readonly capacity: number;
  /** False = nobody listens: nothing is made. */
  readonly wants: (type: AttemptEventType) => boolean;
  readonly emit: (type: AttemptEventType, info: AttemptInfo) => void;
  /**
   * Null when it may begin; else for how many ms it shall not be offered here, 0 = until a change.
   * @default null
   */
  readonly admit?: (task: GrantedTask) => number | null;
  /** For how long the event loop must have stood still to be reported. */
  readonly blockedMinMs: number;
  /** It stood still for that long, and `watchLoop` was called. */
  readonly onBlocked: (info: LoopBlockedInfo) => void;
  /** What a listener or callback of a handler threw. @default nobody is told */
  readonly onCallbackError?: (info: CallbackErrorInfo) => void;
  /** @default the system's */
  readonly environment?: Environment;
}

/** An older attempt that still runs after this time ignores its signal: the task had better run elsewhere. */
const OLD_ATTEMPT_PATIENCE_MS = 2000;

/** A text: after a recovery fences are so large that one number does not hold both. */
const keyOf = (p: number, fence: number): string => `${p}.${fence}`;

export class Consumer implements ConsumerPort {
  readonly #options: ConsumerOptions;
  readonly #environment: Environment;
  readonly #control: ConsumerControl;
  readonly #handlers: Map<string, Handler> = new Map();
  /** Attempts whose end is not settled, or that still run. */
  readonly #attempts: Map<string, Attempt> = new Map();
  /** The attempt that runs here, by task id. */
  readonly #runningById: Map<string, Attempt> = new Map();
  /** The next attempt at a task that still runs under an older fence. */
  readonly #nextById: Map<string, Attempt> = new Map();
  #abortReason: AbortReason | null = null;
  isFrozen = false;
  #isOver = false;
  #idle: PromiseWithResolvers<void> | null = null;
  readonly attempts: AttemptCounts = new AttemptCounts();
  readonly #stuck: StuckHandlers;
  #loopWatch: LoopWatch | null = null;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#environment = options.environment ?? systemEnvironment;
    this.#stuck = new StuckHandlers(this.#environment, (attempt) => {
      attempt.finish(endingOfValue(attempt, undefined, this.#environment));
      this.#offer();
    });
    this.#control = options.control;
    this.#offer();
  }

  /** Handlers that run now. */
  get runningCount(): number {
    return this.#runningById.size;
  }

  /** What runs, in the order of the starts. */
  running(): Iterable<Attempt> {
    return this.#runningById.values();
  }

  attemptOf(id: string): Attempt | undefined {
    return this.#runningById.get(id);
  }

  load(): number {
    let sum = 0;
    for (const { reportedLoad } of this.#runningById.values()) sum += reportedLoad;
    return sum;
  }

  /** Aborts the attempt at a task, which is given back once its handler has ended. False: there is none. */
  stopTask(id: string, reason: "release" | "balance" = "release"): boolean {
    const attempt = this.#nextById.get(id) ?? this.#runningById.get(id);
    if (attempt) this.#stop(attempt, reason);
    return attempt !== undefined;
  }

  /** @throws TypeError when there is a handler for the name */
  add(handler: Handler): void {
    const { name } = handler.definition;
    if (this.#handlers.has(name)) {
      throw new TypeError(`Cannot add a handler: there is one for "${name}" already`);
    }
    this.#handlers.set(name, handler);
    this.#offer();
  }

  #offer(): void {
    const standing = this.#abortReason !== null ? "draining" : this.isFrozen ? "frozen" : "up";
    const slots = standing === "up" ? Math.max(0, this.#options.capacity - this.#stuck.count) : 0;
    this.#control.offer(slots, [...this.#handlers.keys()], standing, limitsOf(this.#handlers.values()));
  }

  /** Begins nothing until it is unfrozen; what runs goes on. False: it was so already. */
  freeze(isFrozen: boolean): boolean {
    if (isFrozen === this.isFrozen) return false;
    this.isFrozen = isFrozen;
    this.#offer();
    return true;
  }

  /** From now on says when the event loop has stood still. */
  watchLoop(): void {
    if (this.#isOver) return;
    const { blockedMinMs, onBlocked } = this.#options;
    const running = (): string[] =>
      [...this.#runningById.values()].filter(({ handler }) => !handler.isIsolated).map(({ task }) => task.id);
    this.#loopWatch ??= new LoopWatch({ environment: this.#environment, blockedMinMs, running, onBlocked });
  }

  /** Takes no more tasks, asks handlers to stop; resolves when all have ended and that is recorded. */
  drain(reason: "drain" | "stop"): Promise<void> {
    if (this.#abortReason === null) {
      this.#abortReason = reason;
      this.#offer();
      for (const attempt of [...this.#attempts.values()]) this.#stop(attempt, reason);
    }
    this.#idle ??= Promise.withResolvers();
    this.#settleIdle();
    return this.#idle.promise;
  }

  #settleIdle(): void {
    if (this.#idle && this.#attempts.size === 0 && this.#runningById.size === 0) this.#idle.resolve();
  }

  /** The node stops: handlers are aborted, and nothing is recorded or reported any more. */
  lose(): void {
    for (const attempt of [...this.#attempts.values()]) {
      if (attempt.isLost) continue;
      attempt.lose("stop");
      this.#report("task:lost", attempt, { reason: "stop", ...(attempt.isRunning ? { overrun: true } : {}) });
    }
    this.#isOver = true;
    this.#loopWatch?.stop();
  }

  // ---- ConsumerPort ---------------------------------------------------------------------------------------

  start(p: number, task: GrantedTask): void {
    const handler = this.#handlers.get(task.name);
    if (!handler || this.#abortReason !== null || this.isFrozen) {
      return this.#giveBack(p, task, { type: "release" });
    }
    const forMs = this.#options.admit?.(task) ?? null;
    if (forMs !== null) return this.#giveBack(p, task, { type: "decline", forMs });
    const { onCallbackError } = this.#options;
    const attempt = new Attempt(p, task, handler, this.#control, this.#environment, onCallbackError);
    this.#attempts.set(keyOf(p, task.fence), attempt);
    if (!this.#runningById.has(task.id)) return this.#begin(attempt);
    const waiting = this.#nextById.get(task.id);
    if (waiting) this.#forget(waiting);
    this.#nextById.set(task.id, attempt);
    this.#environment.setTimeout(() => {
      if (this.#nextById.get(task.id) === attempt) this.#stop(attempt, "stale");
    }, OLD_ATTEMPT_PATIENCE_MS);
  }

  /** There never was an attempt: a settlement of its own. */
  #giveBack(p: number, { id, fence }: GrantedTask, settlement: Settlement): void {
    this.#control.settle({ p, id, fence, seq: 1, upTo: 0 }, settlement);
  }

  command(p: number, fence: number, no: number, message: HolderMessage): void {
    const attempt = this.#attempts.get(keyOf(p, fence));
    if (!attempt || attempt.ending || attempt.isLost) return;
    attempt.command(no, message);
    if (attempt.abortReason && this.#nextById.get(attempt.task.id) === attempt) this.#withdraw(attempt);
  }

  abort(p: number, fence: number): void {
    const attempt = this.#attempts.get(keyOf(p, fence));
    if (attempt) this.#stop(attempt, "lapsing");
  }

  lost(p: number, fence: number, reason: LossReason): void {
    const attempt = this.#attempts.get(keyOf(p, fence));
    if (!attempt || attempt.isLost) return;
    const overrun = attempt.isRunning;
    attempt.lose(reason);
    this.#report("task:lost", attempt, overrun ? { reason, overrun } : { reason });
    if (!attempt.isRunning) this.#forget(attempt);
  }

  settled(p: number, fence: number, seq: number, accepted: boolean): void {
    const attempt = this.#attempts.get(keyOf(p, fence));
    if (
      !attempt || attempt.checkpointSettled(seq, accepted) || !attempt.ending || seq !== attempt.endingSeq
    ) return;
    const { ending, isRunning: overrun } = attempt;
    this.#forget(attempt);
    const [type, more] = accepted ? reportOf(attempt, ending, overrun) : REFUSED;
    this.#report(type, attempt, more);
  }

  // ---- attempts -------------------------------------------------------------------------------------------

  #begin(attempt: Attempt): void {
    // what came before in this turn, or an older attempt, may have taken longer than the lease stands
    if (!attempt.mayBegin) return attempt.finish({ type: "release" });
    this.#runningById.set(attempt.task.id, attempt);
    attempt.begin();
    this.#report("task:start", attempt, {});
    this.#stuck.watch(attempt);
    let result: unknown;
    try {
      result = callHandler(attempt);
    } catch (error) {
      return this.#threw(attempt, error);
    }
    const later = promiseOf(result);
    if (!later) return this.#returned(attempt, result);
    later.then((value) => this.#returned(attempt, value), (error) => this.#threw(attempt, error));
  }

  #returned(attempt: Attempt, value: unknown): void {
    attempt.finishReading();
    this.#end(attempt, endingOfValue(attempt, value, this.#environment));
  }

  #threw(attempt: Attempt, error: unknown): void {
    this.#end(attempt, endingOfError(attempt, error, this.#environment));
  }

  #end(attempt: Attempt, settlement: Settlement): void {
    if (!attempt.isRunning) return;
    attempt.end();
    const { id } = attempt.task;
    if (this.#runningById.get(id) === attempt) this.#runningById.delete(id);
    if (!attempt.handler.isIsolated) this.#loopWatch?.ended(id);
    const isGivenUp = this.#stuck.ended(attempt);
    if (isGivenUp) this.#offer();
    if (attempt.isLost || isGivenUp) {
      const what = settlement.type === "complete" ? "completion" : "end";
      if (attempt.isLost) this.#forget(attempt);
      else this.#settleIdle();
      this.#report("task:lost", attempt, {
        reason: `${LATE}the handler's ${what} came after its lease and was ignored`,
      });
    } else attempt.finish(settlement);
    const next = this.#nextById.get(id);
    if (!next) return;
    this.#nextById.delete(id);
    this.#begin(next);
  }

  /** Asks an attempt to stop; one that has not begun gives its lease back at once. */
  #stop(attempt: Attempt, reason: AbortReason): void {
    attempt.abort(reason);
    if (this.#nextById.get(attempt.task.id) === attempt) this.#withdraw(attempt);
  }

  #withdraw(attempt: Attempt): void {
    this.#nextById.delete(attempt.task.id);
    attempt.finish(endingOfValue(attempt, undefined, this.#environment));
  }

  #forget(attempt: Attempt): void {
    const { id, fence } = attempt.task;
    this.#attempts.delete(keyOf(attempt.p, fence));
    if (this.#nextById.get(id) === attempt) this.#nextById.delete(id);
    attempt.close();
    this.#settleIdle();
  }

  #report(type: AttemptEventType, attempt: Attempt, more: Partial<AttemptInfo>): void {
    if (this.#isOver) return;
    const durationMs = type === "task:start" ? null : this.#environment.monoMs() - attempt.startedMs;
    if (!isLate(more)) this.attempts.note(type, attempt.task.name, durationMs);
    if (this.#options.wants(type)) this.#options.emit(type, infoOf(attempt, more, durationMs));
  }
}
