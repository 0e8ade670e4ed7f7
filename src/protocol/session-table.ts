/** A node's sessions, one for each partition, over its memberships. worker.ts changes them. */
import type { Held } from "./holdings.ts";
import type { Configuration } from "./types.ts";
import { createSession, vouchersOf, type WorkerSession } from "./worker-session.ts";

export class SessionTable {
  /** By partition; empty in no cluster. */
  readonly all: WorkerSession[] = [];
  /** What an earlier membership left behind. */
  #after = { attach: 0, sentMs: -Infinity };

  adopt(chains: readonly (readonly Configuration[])[]): void {
    chains.forEach((chain, p) => {
      const session = this.all[p] ??= createSession(p, this.#after);
      session.vouchers = vouchersOf(chain, session.vouchers);
    });
  }

  /** The membership ends; nothing that was sent to it counts for the next one. */
  forget(leaseMs: number): void {
    const attach = Math.max(this.#after.attach, ...this.all.map((session) => session.attach));
    this.#after = { attach, sentMs: leaseMs };
    this.all.length = 0;
  }

  *running(): Iterable<Pick<Held, "id" | "fence"> & { readonly p: number }> {
    for (const { p, holdings } of this.all) {
      for (const { id, fence, isStarted } of holdings.values()) if (isStarted) yield { p, id, fence };
    }
  }

  /** Partitions of which it holds leases. */
  *heldPartitions(): Iterable<number> {
    for (const { p, holdings } of this.all) if (holdings.size > 0) yield p;
  }

  /** Sessions that are not the first, for the beat. */
  numbers(): { readonly p: number; readonly n: number }[] {
    const list: { p: number; n: number }[] = [];
    for (const { p, n } of this.all) if (n !== 1) list.push({ p, n });
    return list;
  }
}
