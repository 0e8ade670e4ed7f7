/** Every run of every task of a simulated cluster: where, under which fence, from when to when. */
import type { HandlerFunction } from "../consumer/handler.ts";
import type { Life } from "./life.ts";

/** How a run of a handler ended; "crashed": with its node. */
export type RunEnd = "running" | "returned" | "threw" | "crashed";

/** One run of a handler. Times are virtual ms since the start of the cluster. */
export interface TaskRun {
  readonly task: string;
  readonly name: string;
  /** Index of the node. */
  readonly node: number;
  readonly fence: bigint;
  readonly attempt: number;
  readonly startMs: number;
  /** When the handler ended, whatever it returned; null while it runs. */
  readonly endMs: number | null;
  /** When its signal aborted; null if it did not. */
  readonly abortedMs: number | null;
  readonly end: RunEnd;
  /** What it threw. */
  readonly error?: unknown;
}

/** A time in which a node stood still; `toMs` is Infinity while it does. */
export interface Standstill {
  readonly node: number;
  readonly fromMs: number;
  readonly toMs: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class RunLog {
  readonly #runs: Writable<TaskRun>[] = [];
  readonly #underWay: Map<Life, Set<Writable<TaskRun>>> = new Map();
  readonly #standstills: Writable<Standstill>[] = [];
  /** What else happens on a node, for the trace. */
  readonly record: (node: number, what: string) => void;

  constructor(record: (node: number, what: string) => void) {
    this.record = record;
  }

  get runs(): readonly TaskRun[] {
    return this.#runs;
  }

  get standstills(): readonly Standstill[] {
    return this.#standstills;
  }

  /** The handler, watched. */
  watched<I, O>(life: Life, handler: HandlerFunction<I, O>): HandlerFunction<I, O> {
    return (task, ctx) => {
      const { no: node, time } = life;
      const run: Writable<TaskRun> = {
        task: task.id,
        name: task.name,
        node,
        fence: ctx.fence,
        attempt: ctx.attempt,
        startMs: time.nowMs,
        endMs: null,
        abortedMs: null,
        end: "running",
      };
      this.#begin(life, run);
      ctx.signal.addEventListener("abort", () => {
        if (run.end !== "running") return;
        run.abortedMs = time.nowMs;
        this.record(node, `${nameOf(run)} aborts: ${String((ctx.signal.reason as Error)?.message)}`);
      });
      try {
        const result = handler(task, ctx);
        if (typeof (result as PromiseLike<O> | null | undefined)?.then === "function") {
          return this.#watch(life, run, result as Promise<O>);
        }
        this.#over(life, run, "returned");
        return result;
      } catch (error) {
        this.#over(life, run, "threw", error);
        throw error;
      }
    };
  }

  async #watch<O>(life: Life, run: Writable<TaskRun>, result: Promise<O>): Promise<O> {
    try {
      const value = await result;
      this.#over(life, run, "returned");
      return value;
    } catch (error) {
      this.#over(life, run, "threw", error);
      throw error;
    }
  }

  #begin(life: Life, run: Writable<TaskRun>): void {
    this.#runs.push(run);
    const underWay = this.#underWay.get(life) ?? new Set();
    this.#underWay.set(life, underWay.add(run));
    this.record(run.node, `${nameOf(run)} starts, attempt ${run.attempt}`);
  }

  #over(life: Life, run: Writable<TaskRun>, end: RunEnd, error?: unknown): void {
    // what goes on after a crash is no run any more
    if (run.end !== "running") return;
    run.end = end;
    run.endMs = life.time.nowMs;
    if (end === "threw") run.error = error;
    this.#underWay.get(life)?.delete(run);
    this.record(run.node, `${nameOf(run)} ${end}`);
  }

  crashed(life: Life): void {
    for (const run of [...this.#underWay.get(life) ?? []]) this.#over(life, run, "crashed");
    this.#underWay.delete(life);
  }

  paused(node: number, nowMs: number): void {
    this.#standstills.push({ node, fromMs: nowMs, toMs: Infinity });
  }

  resumed(node: number, nowMs: number): void {
    const last = this.#standstills.findLast((each) => each.node === node);
    if (last && last.toMs === Infinity) last.toMs = nowMs;
  }
}

function nameOf({ task, fence }: TaskRun): string {
  return `${JSON.stringify(task)} (fence ${fence})`;
}
