/** Waiting for the ends of tasks: many may wait for one task, the engine is asked once. */
import type { Input } from "../protocol/model/contract.ts";
import type { Outcome } from "../protocol/model/messages.ts";
import { StoppedError } from "../base/errors.ts";

interface Waiter {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export class Outcomes {
  readonly #push: (input: Input) => void;
  /** One promise for all who wait without a signal. */
  readonly #sharedById: Map<string, PromiseWithResolvers<Outcome>> = new Map();
  /** Those who may stop waiting. */
  readonly #abortableById: Map<string, Waiter[]> = new Map();

  constructor(push: (input: Input) => void) {
    this.#push = push;
  }

  wait(id: string, signal?: AbortSignal): Promise<Outcome> {
    if (signal) return this.#waitUntil(signal, id);
    const known = this.#sharedById.get(id);
    if (known) return known.promise;
    const shared = Promise.withResolvers<Outcome>();
    this.#sharedById.set(id, shared);
    if (!this.#abortableById.has(id)) this.#push({ type: "watch", id });
    return shared.promise;
  }

  #waitUntil(signal: AbortSignal, id: string): Promise<Outcome> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
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
      const waiters = this.#abortableById.get(id);
      if (waiters) waiters.push(waiter);
      else {
        this.#abortableById.set(id, [waiter]);
        if (!this.#sharedById.has(id)) this.#push({ type: "watch", id });
      }
    });
  }

  #remove(id: string, waiter: Waiter): void {
    const waiters = this.#abortableById.get(id);
    const at = waiters?.indexOf(waiter) ?? -1;
    if (!waiters || at < 0) return;
    waiters.splice(at, 1);
    if (waiters.length > 0) return;
    this.#abortableById.delete(id);
    if (!this.#sharedById.has(id)) this.#push({ type: "unwatch", id });
  }

  ended(outcome: Outcome): void {
    const { id } = outcome;
    const shared = this.#sharedById.get(id);
    if (shared) {
      this.#sharedById.delete(id);
      shared.resolve(outcome);
    }
    if (this.#abortableById.size === 0) return;
    const waiters = this.#abortableById.get(id) ?? [];
    this.#abortableById.delete(id);
    for (const waiter of waiters) waiter.resolve(outcome);
  }

  stop(): void {
    for (const [id, shared] of this.#sharedById) shared.reject(stoppedError(id));
    for (const [id, waiters] of this.#abortableById) {
      for (const waiter of waiters) waiter.reject(stoppedError(id));
    }
    this.#sharedById.clear();
    this.#abortableById.clear();
  }
}

function stoppedError(id: string): StoppedError {
  return new StoppedError(`Cannot wait for task ${JSON.stringify(id)}: the node stopped`);
}
