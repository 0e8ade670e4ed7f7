/**
 * How many tasks of one partition each session holds. Leases come and go with every task while sessions are
 * few and stay: a short list whose rows are used again, not maps that grow and shrink.
 */
import type { SessionId } from "../model/types.ts";

/** One number for `(node, boot)`. */
export function ownerKey(owner: { readonly node: number; readonly boot: number }): number {
  return owner.node * 0x1_0000_0000 + owner.boot;
}

interface Row {
  owner: number;
  n: number;
  count: number;
}

export class LeaseCounts {
  readonly #rows: Row[] = [];
  #total = 0;

  add(session: SessionId, by: 1 | -1): void {
    const owner = ownerKey(session);
    this.#total += by;
    let free: Row | undefined;
    for (const row of this.#rows) {
      if (row.owner === owner && row.n === session.n) {
        row.count += by;
        return;
      }
      if (row.count === 0) free = row;
    }
    if (!free) this.#rows.push(free = { owner, n: 0, count: 0 });
    free.owner = owner;
    free.n = session.n;
    free.count = by;
  }

  /** Of all sessions. */
  get total(): number {
    return this.#total;
  }

  /** Some session of that `(node, boot)` holds a task. */
  has(owner: number): boolean {
    return this.lowestOf(owner) < Infinity;
  }

  /** The oldest session of that owner that holds a task; Infinity when none does. */
  lowestOf(owner: number): number {
    let lowest = Infinity;
    for (const row of this.#rows) {
      if (row.count > 0 && row.owner === owner) lowest = Math.min(lowest, row.n);
    }
    return lowest;
  }

  /** Each owner that holds tasks, with its newest session that does. */
  forEach(visit: (owner: number, newest: number) => void): void {
    for (const { owner, n, count } of this.#rows) {
      if (count > 0 && !this.#holdsWithNewer(owner, n)) visit(owner, n);
    }
  }

  #holdsWithNewer(owner: number, n: number): boolean {
    return this.#rows.some((row) => row.count > 0 && row.owner === owner && row.n > n);
  }
}
