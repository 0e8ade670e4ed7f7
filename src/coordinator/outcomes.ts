/** Waiting for the ends of tasks: many may wait for one task, the engine is asked once. */
import type { Input } from "../protocol/api.ts";
import type { Outcome } from "../protocol/messages.ts";
import { StoppedError } from "./errors.ts";

interface Waiter {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export class Outcomes {
  readonly #push: (input: Input) => void;
  readonly #waitersById: Map<string, Waiter[]> = new Map();

  constructor(push: (input: Input) => void) {
    this.#push = push;
  }

  wait(id: string, signal?: AbortSignal): Promise<Outcome> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const waiter = signal === undefined
        ? { resolve, reject }
        : this.#abortable({ resolve, reject }, id, signal);
      const waiters = this.#waitersById.get(id);
      if (waiters) {
        waiters.push(waiter);
        return;
      }
      this.#waitersById.set(id, [waiter]);
      this.#push({ type: "watch", id });
    });
  }

  #abortable({ resolve, reject }: Waiter, id: string, signal: AbortSignal): Waiter {
    const onAbort = (): void => {
      this.#remove(id, waiter);
      reject(signal.reason);
    };
    const done = (): void => signal.removeEventListener("abort", onAbort);
    const waiter: Waiter = {
      resolve: (outcome) => (done(), resolve(outcome)),
      reject: (error) => (done(), reject(error)),
    };
    signal.addEventListener("abort", onAbort, { once: true });
    return waiter;
  }

  #remove(id: string, waiter: Waiter): void {
    const waiters = this.#waitersById.get(id);
    const at = waiters?.indexOf(waiter) ?? -1;
    if (!waiters || at < 0) return;
    waiters.splice(at, 1);
    if (waiters.length > 0) return;
    this.#waitersById.delete(id);
    this.#push({ type: "unwatch", id });
  }

  ended(outcome: Outcome): void {
    const waiters = this.#waitersById.get(outcome.id);
    this.#waitersById.delete(outcome.id);
    for (const waiter of waiters ?? []) waiter.resolve(outcome);
  }

  stop(): void {
    for (const [id, waiters] of this.#waitersById) {
      const error = new StoppedError(`Cannot wait for task ${JSON.stringify(id)}: the node stopped`);
      for (const waiter of waiters) waiter.reject(error);
    }
    this.#waitersById.clear();
  }
}
