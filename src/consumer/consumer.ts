/**
 * The consumer: offers slots, runs what is leased to this node, tells the coordinator how it ended. A task
 * that still runs here under an older fence is waited for before the new attempt starts, and given back
 * when that takes too long.
 */
import { type Ambient, systemAmbient } from "../base/environment.ts";
import type { AbortReason } from "../base/errors.ts";
import type { ConsumerControl, ConsumerPort } from "../coordinator/coordinator.ts";
import type { LossReason } from "../protocol/model/contract.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import type { Settlement, TaskMessage } from "../protocol/model/types.ts";
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
import { Run } from "./attempt.ts";
import { type Handler, limitsOf } from "./handler.ts";
import { callHandler, endingOfError, endingOfValue, isThenable } from "./invocation.ts";
import { type LoopBlockedInfo, LoopWatch } from "./loop-watch.ts";
import { StuckHandlers } from "./stuck-handlers.ts";

export interface ConsumerOptions {
  readonly control: ConsumerControl;
  /** Tasks at once. */
  readonly capacity: number;
  /** False = nobody listens: nothing is made. */
  readonly wants: (type: AttemptEventType) => boolean;
  readonly emit: (type: AttemptEventType, info: AttemptInfo) => void;
  /** Null when the task may begin; else until when it shall not be offered here. @default always */
  readonly admit?: (task: GrantedTask) => number | null;
  /** For how long the event loop must have stood still to be worth a word. */
  readonly blockedMinMs: number;
  /** It stood still for so long, and `watchLoop` was called. */
  readonly onBlocked: (info: LoopBlockedInfo) => void;
  /** @default the system's */
  readonly ambient?: Ambient;
}

/** An older attempt that still runs after so long ignores its signal: the task had better run elsewhere. */
const OLD_RUN_PATIENCE_MS = 2000;

/** `(partition, fence)` as one number: fences are log indexes, far below 2^40. */
const keyOf = (p: number, fence: number): number => p * 2 ** 40 + fence;

export class Consumer implements ConsumerPort {
  readonly #options: ConsumerOptions;
  readonly #ambient: Ambient;
  readonly #control: ConsumerControl;
  readonly #handlers: Map<string, Handler> = new Map();
  /** Attempts whose end is not settled, or that still run. */
  readonly #runs: Map<number, Run> = new Map();
  /** The attempt that runs here, by task id. */
  readonly #runningById: Map<string, Run> = new Map();
  /** The next attempt at a task that still runs under an older fence. */
  readonly #nextById: Map<string, Run> = new Map();
  #abortReason: AbortReason | null = null;
  isFrozen = false;
  #isOver = false;
  #idle: PromiseWithResolvers<void> | null = null;
  readonly attempts: AttemptCounts = new AttemptCounts();
  readonly #stuck: StuckHandlers;
  #loopWatch: LoopWatch | null = null;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#ambient = options.ambient ?? systemAmbient;
    this.#stuck = new StuckHandlers(this.#ambient, (run) => {
      run.finish(endingOfValue(run, undefined, this.#ambient));
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
  running(): Iterable<Run> {
    return this.#runningById.values();
  }

  runOf(id: string): Run | undefined {
    return this.#runningById.get(id);
  }

  load(): number {
    let sum = 0;
    for (const { toldLoad } of this.#runningById.values()) sum += toldLoad;
    return sum;
  }

  /** Aborts the attempt at a task, which is given back once its handler has ended; false: there is none. */
  stopTask(id: string, reason: "release" | "balance" = "release"): boolean {
    const run = this.#nextById.get(id) ?? this.#runningById.get(id);
    if (run) this.#stop(run, reason);
    return run !== undefined;
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
    this.#loopWatch ??= new LoopWatch({ ambient: this.#ambient, blockedMinMs, running, onBlocked });
  }

  /** Takes no more tasks, asks handlers to stop; resolves when all have ended and that is recorded. */
  drain(reason: "drain" | "stop"): Promise<void> {
    if (this.#abortReason === null) {
      this.#abortReason = reason;
      this.#offer();
      for (const run of [...this.#runs.values()]) this.#stop(run, reason);
    }
    this.#idle ??= Promise.withResolvers();
    this.#settleIdle();
    return this.#idle.promise;
  }

  #settleIdle(): void {
    if (this.#idle && this.#runs.size === 0 && this.#runningById.size === 0) this.#idle.resolve();
  }

  /** The node stops: handlers are told, nothing is recorded or reported any more. */
  lose(): void {
    for (const run of [...this.#runs.values()]) {
      if (run.isLost) continue;
      run.lose("stop");
      this.#tell("task:lost", run, { reason: "stop", ...(run.isRunning ? { overrun: true } : {}) });
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
    const untilMs = this.#options.admit?.(task) ?? null;
    if (untilMs !== null) return this.#giveBack(p, task, { type: "decline", untilMs });
    const run = new Run(p, task, handler, this.#control, this.#ambient);
    this.#runs.set(keyOf(p, task.fence), run);
    if (!this.#runningById.has(task.id)) return this.#begin(run);
    const waiting = this.#nextById.get(task.id);
    if (waiting) this.#forget(waiting);
    this.#nextById.set(task.id, run);
    this.#ambient.setTimeout(() => {
      if (this.#nextById.get(task.id) === run) this.#stop(run, "stale");
    }, OLD_RUN_PATIENCE_MS);
  }

  /** There never was a run: a settlement of its own. */
  #giveBack(p: number, { id, fence }: GrantedTask, settlement: Settlement): void {
    this.#control.settle({ p, id, fence, seq: 1, upTo: 0 }, settlement);
  }

  tell(p: number, fence: number, no: number, message: TaskMessage): void {
    const run = this.#runs.get(keyOf(p, fence));
    if (!run || run.ending || run.isLost) return;
    run.tell(no, message);
    if (run.order && this.#nextById.get(run.task.id) === run) this.#withdraw(run);
  }

  abort(p: number, fence: number): void {
    const run = this.#runs.get(keyOf(p, fence));
    if (run) this.#stop(run, "lapsing");
  }

  lost(p: number, fence: number, reason: LossReason): void {
    const run = this.#runs.get(keyOf(p, fence));
    if (!run || run.isLost) return;
    const overrun = run.isRunning;
    run.lose(reason);
    this.#tell("task:lost", run, overrun ? { reason, overrun } : { reason });
    if (!run.isRunning) this.#forget(run);
  }

  settled(p: number, fence: number, seq: number, accepted: boolean): void {
    const run = this.#runs.get(keyOf(p, fence));
    if (!run || run.checkpointSettled(seq, accepted) || !run.ending || seq !== run.endingSeq) return;
    const { ending, isRunning: overrun } = run;
    this.#forget(run);
    const [type, more] = accepted ? reportOf(run, ending, overrun) : REFUSED;
    this.#tell(type, run, more);
  }

  // ---- attempts -------------------------------------------------------------------------------------------

  #begin(run: Run): void {
    this.#runningById.set(run.task.id, run);
    run.begin();
    this.#tell("task:start", run, {});
    this.#stuck.watch(run);
    let result: unknown;
    try {
      result = callHandler(run);
    } catch (error) {
      return this.#threw(run, error);
    }
    if (!isThenable(result)) return this.#returned(run, result);
    result.then((value) => this.#returned(run, value), (error) => this.#threw(run, error));
  }

  #returned(run: Run, value: unknown): void {
    run.finishReading();
    this.#end(run, endingOfValue(run, value, this.#ambient));
  }

  #threw(run: Run, error: unknown): void {
    this.#end(run, endingOfError(run, error, this.#ambient));
  }

  #end(run: Run, settlement: Settlement): void {
    if (!run.isRunning) return;
    run.end();
    const { id } = run.task;
    if (this.#runningById.get(id) === run) this.#runningById.delete(id);
    if (!run.handler.isIsolated) this.#loopWatch?.ended(id);
    const isGivenUp = this.#stuck.ended(run);
    if (isGivenUp) this.#offer();
    if (run.isLost || isGivenUp) {
      const what = settlement.type === "complete" ? "completion" : "end";
      if (run.isLost) this.#forget(run);
      else this.#settleIdle();
      this.#tell("task:lost", run, {
        reason: `${LATE}the handler's ${what} came after its lease and was ignored`,
      });
    } else run.finish(settlement);
    const next = this.#nextById.get(id);
    if (!next) return;
    this.#nextById.delete(id);
    this.#begin(next);
  }

  /** Asks a run to stop; one that has not begun gives its lease back at once. */
  #stop(run: Run, reason: AbortReason): void {
    run.abort(reason);
    if (this.#nextById.get(run.task.id) === run) this.#withdraw(run);
  }

  #withdraw(run: Run): void {
    this.#nextById.delete(run.task.id);
    run.finish(endingOfValue(run, undefined, this.#ambient));
  }

  #forget(run: Run): void {
    const { id, fence } = run.task;
    this.#runs.delete(keyOf(run.p, fence));
    if (this.#nextById.get(id) === run) this.#nextById.delete(id);
    run.close();
    this.#settleIdle();
  }

  #tell(type: AttemptEventType, run: Run, more: Partial<AttemptInfo>): void {
    if (this.#isOver) return;
    const durationMs = type === "task:start" ? null : this.#ambient.monoMs() - run.startedMs;
    if (!isLate(more)) this.attempts.note(type, run.task.name, durationMs);
    if (this.#options.wants(type)) this.#options.emit(type, infoOf(run, more, durationMs));
  }
}
