/**
 * One thread of a node and the attempt that runs in it: what its handler sees, stores and returns, and its
 * end when the attempt is over and the handler is not.
 */
import { AttemptAbortedError } from "../../base/errors.ts";
import { leaseOf, watchGrace } from "../../base/leased.ts";
import type { LeaseStamp } from "../../base/sender-clock.ts";
import type { Task } from "../handler.ts";
import type { Context } from "../context.ts";
import type { StatefulAttempt } from "../attempt.ts";
import type { CallbackErrors } from "../callback-error.ts";
import { Answer } from "../stateful.ts";
import { decodeValue, encodeValue } from "../../task/values.ts";
import { errorOf, type FromThread, type HandOff, plainError, type ToThread } from "./messages.ts";
import type { PortListener, ThreadPort } from "./worker-port.ts";

/** A thread is ended this long before its lease ends: it goes on for a moment. */
const AHEAD_MS = 50;
/** How long a thread and its module may take to start before that counts as a handler's silence. */
const START_MS = 10_000;

export interface ThreadOptions {
  readonly open: (listener: PortListener) => ThreadPort;
  /** URL of the handler's module. */
  readonly module: string;
  /** It is no more. */
  readonly onEnded: (thread: HandlerThread) => void;
}

export interface AttemptOptions {
  /** Between the abort and the end of the thread. */
  readonly graceMs: number;
  /** 0 = beats mean nothing. */
  readonly beatEveryMs: number;
}

interface Attempt {
  readonly no: number;
  readonly ctx: Context;
  readonly outcome: PromiseWithResolvers<unknown>;
  /** Beats until the handler can. */
  readonly stopBeating: () => void;
  /** Goes on when the handler has carried out this command. */
  readonly carriedOut: Map<number, () => void>;
}

export class HandlerThread implements PortListener {
  readonly #options: ThreadOptions;
  readonly #port: ThreadPort;
  #attempt: Attempt | null = null;
  /** What waits until the thread takes messages; null once it does. */
  #unheard: ToThread[] | null = [];
  #no = 0;
  #ending: Promise<void> | null = null;
  #hasEnded = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#port = options.open(this);
  }

  /** It takes no further attempt. */
  get isOver(): boolean {
    return this.#ending !== null || this.#hasEnded;
  }

  get module(): string {
    return this.#options.module;
  }

  /** Whether the process waits for the thread. */
  hold(isHeld: boolean): void {
    if (!this.isOver) this.#port.hold(isHeld);
  }

  /**
   * Runs one attempt.
   *
   * @throws what the handler throws; what ended the thread; AttemptAbortedError when it had to be ended
   */
  async run(task: Task, ctx: Context, { graceMs, beatEveryMs }: AttemptOptions): Promise<unknown> {
    const { module } = this.#options;
    const no = ++this.#no;
    const { id, name } = task;
    const input = encodeValue(task.input, "input");
    const state = task.state === undefined ? null : encodeValue(task.state, "checkpoint");
    const stopBeating = beatFor(ctx, beatEveryMs);
    const attempt: Attempt = {
      no,
      ctx,
      outcome: Promise.withResolvers(),
      stopBeating,
      carriedOut: new Map(),
    };
    this.#attempt = attempt;
    const { fence, attempt: count, marginMs } = ctx;
    const own = { module, fence, attempt: count, marginMs, beatEveryMs };
    this.#post({ type: "run", no, id, name, input, state, ...own, ...leaseNow(ctx) });
    const forget = ctx.onDeadline(() => this.#post({ type: "renewed", no, ...leaseNow(ctx) }));
    const onAbort = (): void => this.#post({ type: "abort", no, ...abortOf(ctx.signal) });
    ctx.signal.addEventListener("abort", onAbort, { once: true });
    if (ctx.signal.aborted) onAbort();
    const endGrace = watchGrace(leaseOf(ctx), { graceMs, aheadMs: AHEAD_MS }, (leftMs) => {
      if (leftMs === 0) void this.end();
    });
    try {
      return await attempt.outcome.promise;
    } finally {
      forget();
      stopBeating();
      endGrace();
      ctx.signal.removeEventListener("abort", onAbort);
      this.#attempt = null;
    }
  }

  /** Ends the thread wherever it is. The attempt is over when nothing of it runs any more. */
  end(): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    await this.#port.end();
    const attempt = this.#attempt;
    const error = attempt?.ctx.signal.reason ?? new AttemptAbortedError(
      "Cannot go on: the handler's thread was ended",
      "stop",
    );
    attempt?.outcome.reject(error);
    this.#over();
  }

  #over(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.onEnded(this);
  }

  #post(message: ToThread): void {
    if (this.isOver) return;
    if (this.#unheard) this.#unheard.push(message);
    else this.#port.post(message);
  }

  /** It compares the clocks by a message that has not waited for its start, and so by no slower one. */
  #heard(): void {
    if (this.isOver) return;
    this.#port.post({ type: "clock", sentMs: performance.now() });
    for (const message of this.#unheard ?? []) this.#port.post(message);
    this.#unheard = null;
  }

  // ---- PortListener ---------------------------------------------------------------------------------------

  message(message: FromThread): void {
    if (message.type === "hello") return this.#heard();
    const attempt = this.#attempt;
    // what it says while it is being ended does not count
    if (!attempt || message.no !== attempt.no || this.isOver) return;
    switch (message.type) {
      case "done":
        handOver(attempt, message.handOff);
        if (message.answer) return attempt.outcome.resolve(new Answer(message.answer));
        return this.#done(attempt, message.result);
      case "failed":
        handOver(attempt, message.handOff);
        return attempt.outcome.reject(errorOf(message.error));
      case "load":
        return attempt.ctx.load(message.value);
      case "mark":
        return attempt.ctx.meter.mark(message.value);
      case "progress":
        return attempt.ctx.progress(decodeValue(message.value, "progress"));
      case "stateful":
        return (attempt.ctx as Partial<StatefulAttempt>).becomeStateful?.();
      case "callbackFailed":
        return (attempt.ctx as Partial<CallbackErrors>).callbackFailed?.(
          message.source,
          errorOf(message.error),
        );
      case "reading":
        return void this.#passCommandsOn(attempt);
      case "carriedOut":
        return attempt.carriedOut.get(message.command)?.();
      case "begun":
        attempt.ctx.beat();
        return attempt.stopBeating();
      case "beat":
        return attempt.ctx.beat();
      case "checkpoint":
        return this.#checkpoint(attempt, message.seq, message.state);
      default:
        return message satisfies never;
    }
  }

  ended(error: Error): void {
    if (this.#ending) return;
    this.#attempt?.outcome.reject(error);
    this.#over();
  }

  #done({ outcome }: Attempt, result: Uint8Array): void {
    try {
      outcome.resolve(decodeValue(result, "result"));
    } catch (error) {
      outcome.reject(error);
    }
  }

  /** One at a time: the one read last counts as carried out when the next is asked for. */
  async #passCommandsOn({ no, ctx, carriedOut }: Attempt): Promise<void> {
    let command = 0;
    for await (const message of ctx.commands) {
      const { promise, resolve } = Promise.withResolvers<void>();
      carriedOut.set(++command, resolve);
      this.#post({ type: "command", no, command, message });
      await promise;
      carriedOut.delete(command);
    }
  }

  #checkpoint({ no, ctx }: Attempt, seq: number, state: Uint8Array): void {
    const stored = Promise.resolve().then(() => ctx.checkpoint(decodeValue(state, "checkpoint")));
    stored.then(
      () => this.#post({ type: "checkpointed", no, seq, error: null }),
      (error) => this.#post({ type: "checkpointed", no, seq, error: plainError(error) }),
    );
  }
}

/** What is left of its lease now. */
function leaseNow(ctx: Context): LeaseStamp {
  const sentMs = performance.now();
  return { sentMs, remainingMs: Math.max(0, leaseOf(ctx).remainingMs) };
}

function handOver({ ctx }: Attempt, handOff: HandOff): void {
  if (handOff === null) return;
  ctx.onHandOff(() => {
    if (handOff instanceof Uint8Array) return decodeValue(handOff, "state to hand over");
    throw errorOf(handOff);
  });
}

function beatFor(ctx: Context, everyMs: number): () => void {
  if (everyMs === 0) return () => {};
  const untilMs = performance.now() + START_MS;
  const timer = setInterval(() => {
    if (performance.now() < untilMs) ctx.beat();
  }, everyMs);
  return () => clearInterval(timer);
}

function abortOf({ reason }: AbortSignal): Pick<Extract<ToThread, { type: "abort" }>, "reason" | "message"> {
  // the consumer aborts with nothing else
  const { reason: why, message } = reason as AttemptAbortedError;
  return { reason: why, message };
}
