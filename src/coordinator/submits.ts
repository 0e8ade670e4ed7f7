/**
 * Submits that wait for an answer. One promise serves a whole chunk, however many tasks it holds, and one
 * timer all chunks. What may have been sent is never given up as not sent.
 */
import type { Input } from "../protocol/model/contract.ts";
import type { SubmitStatus } from "../protocol/model/messages.ts";
import type { TaskSpec } from "../protocol/model/types.ts";
import { type Environment, systemEnvironment, type TimerHandle } from "../base/environment.ts";
import type { SubmitCallOptions } from "./coordinator.ts";
import { type NoQuorumError, StoppedError, UnknownOutcomeError } from "../base/errors.ts";

const IDS_NAMED_MAX = 3;

interface Chunk {
  readonly specs: readonly TaskSpec[];
  readonly statuses: (SubmitStatus | undefined)[];
  readonly firstRid: number;
  remaining: number;
  readonly timeoutMs: number;
  readonly dueMs: number;
  readonly resolve: (statuses: readonly SubmitStatus[]) => void;
  readonly reject: (error: unknown) => void;
  /** Stops listening to the caller's signal. */
  unhear: (() => void) | null;
}

export interface SubmitsOptions {
  /** @default the system's */
  readonly environment?: Environment;
  readonly push: (input: Input) => void;
  readonly diagnosis: SubmitsDiagnosis;
}

/** What is known of the cluster, by the task's id: of diagnosis.ts. */
export interface SubmitsDiagnosis {
  /** No copy of the submit has left for a steward. */
  isUnsent(rid: number): boolean;
  cannotSubmit(id: string): NoQuorumError;
  /** Says what is wrong with the task's partition; "" when nothing is. */
  trouble(id: string): string;
}

export class Submits {
  readonly #options: SubmitsOptions;
  readonly #environment: Environment;
  /** By the rid of each spec that has no answer; rids of a chunk are consecutive. */
  readonly #chunkByRid: Map<number, Chunk> = new Map();
  readonly #open: Set<Chunk> = new Set();
  #timer: TimerHandle | null = null;
  #timerDueMs = Infinity;
  #lastRid = 0;
  #count = 0;

  constructor(options: SubmitsOptions) {
    this.#options = options;
    this.#environment = options.environment ?? systemEnvironment;
  }

  /** Tasks that this node was asked to have recorded. */
  get count(): number {
    return this.#count;
  }

  /** A number for a request that nobody else has. */
  nextRid(): number {
    return ++this.#lastRid;
  }

  submit(specs: readonly TaskSpec[], options: SubmitCallOptions): Promise<readonly SubmitStatus[]> {
    this.#count += specs.length;
    if (specs.length === 0) return Promise.resolve([]);
    const { timeoutMs, signal, ageMs = 0 } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const nowMs = this.#environment.monoMs();
    return new Promise((resolve, reject) => {
      const chunk: Chunk = {
        specs,
        statuses: new Array<SubmitStatus | undefined>(specs.length),
        firstRid: this.#lastRid + 1,
        remaining: specs.length,
        timeoutMs,
        dueMs: nowMs + timeoutMs,
        resolve,
        reject,
        unhear: null,
      };
      if (signal) this.#hear(chunk, signal);
      this.#lastRid += specs.length;
      this.#open.add(chunk);
      this.#arm(chunk.dueMs);
      for (let at = 0; at < specs.length; at++) {
        this.#push(chunk, chunk.firstRid + at, { spec: specs[at]!, ageMs });
      }
    });
  }

  #hear(chunk: Chunk, signal: AbortSignal): void {
    const onAbort = (): void => this.#settle(chunk, signal.reason);
    chunk.unhear = () => signal.removeEventListener("abort", onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
  }

  #settle(chunk: Chunk, error?: unknown): void {
    chunk.unhear?.();
    this.#forget(chunk);
    if (error === undefined) chunk.resolve(chunk.statuses as SubmitStatus[]);
    else chunk.reject(error);
  }

  /** The timer moves only to fire earlier; one that fires too early is set again. */
  #arm(dueMs: number): void {
    if (dueMs >= this.#timerDueMs) return;
    if (this.#timer !== null) this.#environment.clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    const waitMs = Math.max(1, Math.ceil(dueMs - this.#environment.monoMs()));
    this.#timer = this.#environment.setTimeout(() => this.#onTimer(), waitMs);
  }

  #onTimer(): void {
    this.#timer = null;
    this.#timerDueMs = Infinity;
    const nowMs = this.#environment.monoMs();
    let nextMs = Infinity;
    for (const chunk of this.#open) {
      if (chunk.dueMs <= nowMs) this.#settle(chunk, this.#timeoutError(chunk));
      else nextMs = Math.min(nextMs, chunk.dueMs);
    }
    if (nextMs < Infinity) this.#arm(nextMs);
  }

  #push(chunk: Chunk, rid: number, task: { readonly spec: TaskSpec; readonly ageMs: number }): void {
    this.#chunkByRid.set(rid, chunk);
    this.#options.push({ type: "submit", rid, watch: false, ...task });
  }

  answered(rid: number, status: SubmitStatus): void {
    const chunk = this.#chunkByRid.get(rid);
    if (!chunk) return;
    this.#chunkByRid.delete(rid);
    const at = rid - chunk.firstRid;
    chunk.statuses[at] = status;
    if (--chunk.remaining === 0) this.#settle(chunk);
  }

  /** Nothing of it has left for a steward. To be asked before it is forgotten. */
  #isUnsent(chunk: Chunk): boolean {
    if (chunk.remaining < chunk.specs.length) return false;
    return chunk.specs.every((_, at) => this.#options.diagnosis.isUnsent(chunk.firstRid + at));
  }

  stop(): void {
    if (this.#timer !== null) this.#environment.clearTimeout(this.#timer);
    for (const chunk of [...this.#open]) {
      const what = named(chunk.specs.map((spec) => spec.id));
      this.#settle(
        chunk,
        this.#isUnsent(chunk)
          ? new StoppedError(`Cannot submit ${what}: the node stopped`)
          : new UnknownOutcomeError(
            `Cannot know whether ${what} was recorded: the node stopped before the answer`,
          ),
      );
    }
  }

  #forget(chunk: Chunk): void {
    this.#open.delete(chunk);
    if (chunk.remaining === 0) return;
    chunk.specs.forEach((_, at) => {
      if (chunk.statuses[at] !== undefined) return;
      const rid = chunk.firstRid + at;
      this.#chunkByRid.delete(rid);
      this.#options.push({ type: "cancel", rid });
    });
  }

  #timeoutError(chunk: Chunk): Error {
    const ids = chunk.specs.filter((_, at) => chunk.statuses[at] === undefined).map((spec) => spec.id);
    const [first = ""] = ids;
    const { diagnosis } = this.#options;
    if (this.#isUnsent(chunk)) return diagnosis.cannotSubmit(first);
    const trouble = diagnosis.trouble(first);
    return new UnknownOutcomeError(
      `Cannot know whether ${named(ids)} was recorded: no answer within ${chunk.timeoutMs} ms` +
        `${trouble === "" ? "" : ` (${trouble})`}; submit again with the same id`,
      ids,
    );
  }
}

function named(ids: readonly string[]): string {
  const names = ids.slice(0, IDS_NAMED_MAX).map((id) => JSON.stringify(id)).join(", ");
  const what = ids.length > IDS_NAMED_MAX ? `${names} and ${ids.length - IDS_NAMED_MAX} more` : names;
  return `${ids.length === 1 ? "task" : "tasks"} ${what}`;
}
