/**
 * What a steward announces about ownership: hints for views, never for decisions. Tasks that come and
 * go between two rounds are not mentioned at all.
 */
import type { OwnershipChange } from "../model/contract.ts";
import type { Context } from "../context/context.ts";
import type { Term } from "../log/term.ts";

const ROUND_MS = 500;

export class OwnershipFeed {
  readonly #context: Context;
  readonly #term: Term;
  /** Touched since the last round, and in the round before: only the older are announced. */
  #young: Set<string> = new Set();
  #old: Set<string> = new Set();
  readonly #published: Set<string> = new Set();
  #round = 0;

  constructor(context: Context, term: Term) {
    this.#context = context;
    this.#term = term;
  }

  touch(id: string): void {
    this.#young.add(id);
  }

  /** A new term repeats what it finds. */
  publishAll(): void {
    for (const record of this.#term.replica.tasks.records.values()) {
      if (record.state === "leased") this.#young.add(record.spec.id);
    }
  }

  tick(): void {
    // all terms of a node in the same tick: one message of gossip
    const round = Math.floor(this.#context.clock.monoMs / ROUND_MS);
    if (round === this.#round) return;
    this.#round = round;
    if (this.#young.size + this.#old.size === 0) return;
    const changes: OwnershipChange[] = [];
    for (const id of this.#old) {
      const record = this.#term.replica.tasks.records.get(id);
      const isLeased = record?.state === "leased";
      if (!isLeased && !this.#published.delete(id)) continue;
      if (isLeased) this.#published.add(id);
      const owner = isLeased ? this.#context.memberByNo.get(record.session!.node)?.id ?? "" : "";
      changes.push({ id, fence: record?.fence ?? 0, state: record?.state ?? "completed", owner });
    }
    this.#old = this.#young;
    this.#young = new Set();
    if (changes.length > 0) this.#context.event({ type: "ownership", p: this.#term.p, changes });
  }
}
