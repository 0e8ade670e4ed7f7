/** Reads through the log that wait for the steward's answer, one partition each. */
import type { Input } from "../protocol/api.ts";
import type { TaskQuery, TaskView } from "../protocol/messages.ts";
import type { Ambient } from "./ambient.ts";
import type { CallOptions } from "./coordinator.ts";
import { StoppedError } from "./errors.ts";

export interface QueryAnswer {
  readonly tasks: readonly TaskView[];
  readonly more: boolean;
}

interface Waiting {
  settle(answer: QueryAnswer | undefined, error: unknown): void;
}

export interface QueriesOptions {
  readonly ambient: Ambient;
  readonly push: (input: Input) => void;
  readonly nextRid: () => number;
  readonly noQuorum: (p: number) => Error;
}

export class Queries {
  readonly #options: QueriesOptions;
  readonly #waitingByRid: Map<number, Waiting> = new Map();

  constructor(options: QueriesOptions) {
    this.#options = options;
  }

  ask(p: number, query: TaskQuery, options: CallOptions): Promise<QueryAnswer> {
    const { timeoutMs, signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { ambient } = this.#options;
    const rid = this.#options.nextRid();
    return new Promise((resolve, reject) => {
      const settle = (answer: QueryAnswer | undefined, error: unknown): void => {
        ambient.clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#waitingByRid.delete(rid);
        if (answer) return resolve(answer);
        this.#options.push({ type: "cancel", rid });
        reject(error);
      };
      const onAbort = (): void => settle(undefined, signal?.reason);
      const onTimeout = (): void => settle(undefined, this.#options.noQuorum(p));
      const timer = ambient.setTimeout(onTimeout, timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waitingByRid.set(rid, { settle });
      this.#options.push({ type: "query", rid, p, query });
    });
  }

  answered(rid: number, answer: QueryAnswer): void {
    this.#waitingByRid.get(rid)?.settle(answer, undefined);
  }

  stop(): void {
    for (const waiting of [...this.#waitingByRid.values()]) {
      waiting.settle(undefined, new StoppedError("Cannot read tasks: the node stopped"));
    }
  }
}
