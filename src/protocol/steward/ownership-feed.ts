/**
 * What a steward tells the world about ownership: hints for views, never for decisions. Tasks that come and
 * go between two rounds are not mentioned at all.
 */
import type { OwnershipChange } from "../model/contract.ts";
import type { Core } from "../context/context.ts";
import type { Reign } from "../log/term.ts";

const ROUND_MS = 500;

export class Publisher {
  readonly #core: Core;
  readonly #reign: Reign;
  /** Touched since the last round, and in the round before: only the older are told. */
  #young: Set<string> = new Set();
  #old: Set<string> = new Set();
  readonly #published: Set<string> = new Set();
  #round = 0;

  constructor(core: Core, reign: Reign) {
    this.#core = core;
    this.#reign = reign;
  }

  touch(id: string): void {
    this.#young.add(id);
  }

  /** A new reign repeats what it finds. */
  publishAll(): void {
    for (const record of this.#reign.replica.tasks.records.values()) {
      if (record.state === "leased") this.#young.add(record.spec.id);
    }
  }

  tick(): void {
    // all reigns of a node in the same tick: one message of gossip
    const round = Math.floor(this.#core.clock.monoMs / ROUND_MS);
    if (round === this.#round) return;
    this.#round = round;
    if (this.#young.size + this.#old.size === 0) return;
    const changes: OwnershipChange[] = [];
    for (const id of this.#old) {
      const record = this.#reign.replica.tasks.records.get(id);
      const isLeased = record?.state === "leased";
      if (!isLeased && !this.#published.delete(id)) continue;
      if (isLeased) this.#published.add(id);
      const owner = isLeased ? this.#core.memberByNo.get(record.session!.node)?.id ?? "" : "";
      changes.push({ id, fence: record?.fence ?? 0, state: record?.state ?? "completed", owner });
    }
    this.#old = this.#young;
    this.#young = new Set();
    if (changes.length > 0) this.#core.event({ type: "ownership", p: this.#reign.p, changes });
  }
}
