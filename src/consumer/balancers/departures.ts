/**
 * What a balancer has given back and the members' news cannot show yet. For a while it runs neither here nor
 * there, but it is going to run somewhere: a balancer that forgot it would give back more.
 */
import type { RunningTask } from "./balancer.ts";

export class Departures {
  readonly #unseenMs: number;
  /** What answers named: how much it is. */
  readonly #named: Map<string, number> = new Map();
  #gone: { readonly amount: number; readonly atMs: number }[] = [];

  /** `unseenMs`: after this time the members' news shows it at the latest. */
  constructor(unseenMs: number) {
    this.#unseenMs = unseenMs;
  }

  reset(): void {
    this.#named.clear();
    this.#gone = [];
  }

  /** The balancer answers with these. */
  name(id: string, amount: number): void {
    this.#named.set(id, amount);
  }

  /** How much has ended here lately of what was named. */
  amount(tasks: readonly RunningTask[], nowMs: number): number {
    if (this.#named.size > 0) {
      const stopping = new Map(tasks.map((task) => [task.id, task.stopping]));
      for (const [id, amount] of this.#named) {
        if (stopping.get(id) === true) continue;
        this.#named.delete(id);
        if (!stopping.has(id)) this.#gone.push({ amount, atMs: nowMs });
      }
    }
    // a wall clock that was set back makes it no younger than that
    this.#gone = this.#gone.filter(({ atMs }) => Math.abs(nowMs - atMs) < this.#unseenMs);
    return this.#gone.reduce((sum, { amount }) => sum + amount, 0);
  }
}
