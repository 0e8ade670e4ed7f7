/**
 * Tasks of one term whose time will be over: each gets an entry that says so once the cluster's time is
 * there. What the entry does is the business of state/task-machine.ts; that holders hear of it is
 * command-delivery.ts's.
 */
import type { Context } from "../context/context.ts";
import type { Term } from "../log/term.ts";
import type { TaskRecord } from "../model/types.ts";
import { isTerminal } from "../state/task-machine.ts";

export interface ExpiryPort {
  /** The time of that task is over: appended, and later chosen. */
  expired(id: string, isChosen: boolean): void;
}

export class Expiries {
  readonly #context: Context;
  readonly #term: Term;
  readonly #port: ExpiryPort;
  readonly #ids: Set<string> = new Set();
  /** Time of the cluster at which the first of them is over, as of the last look. */
  #nextMs = Infinity;

  constructor(context: Context, term: Term, port: ExpiryPort) {
    this.#context = context;
    this.#term = term;
    this.#port = port;
  }

  note({ spec, state, expiresAtMs }: TaskRecord): void {
    if (expiresAtMs === 0 || isTerminal(state)) return;
    this.#ids.add(spec.id);
    this.#nextMs = Math.min(this.#nextMs, expiresAtMs);
  }

  tick(): void {
    if (this.#ids.size === 0) return;
    const atMs = this.#term.time.nowMs;
    if (this.#nextMs - atMs < this.#context.options.heartbeatMs) this.#context.tickSoon();
    if (atMs < this.#nextMs) return;
    this.#nextMs = Infinity;
    for (const id of [...this.#ids]) {
      const record = this.#term.replica.tasks.records.get(id);
      if (!record || record.expiresAtMs === 0 || isTerminal(record.state)) this.#ids.delete(id);
      else if (atMs < record.expiresAtMs) this.#nextMs = Math.min(this.#nextMs, record.expiresAtMs);
      else this.#expire(id, atMs);
    }
  }

  #expire(id: string, atMs: number): void {
    this.#ids.delete(id);
    const index = this.#term.propose({ type: "expire", id, atMs });
    this.#port.expired(id, false);
    this.#term.whenChosen(index, () => this.#port.expired(id, true));
  }
}
