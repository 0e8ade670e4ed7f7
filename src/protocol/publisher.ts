/**
 * What a steward tells the world about ownership: hints for views, never for decisions. Tasks that come and go
 * between two rounds are not mentioned at all.
 */
import type { OwnershipChange } from "./api.ts";
import type { Core } from "./core.ts";
import type { Reign } from "./reign.ts";

const ROUND_MS = 500;

export class Publisher {
  readonly #core: Core;
  readonly #reign: Reign;
  readonly #touched: Set<string> = new Set();
  readonly #published: Set<string> = new Set();
  #roundMs = 0;

  constructor(core: Core, reign: Reign) {
    this.#core = core;
    this.#reign = reign;
  }

  touch(id: string): void {
    this.#touched.add(id);
  }

  /** A new reign repeats what it finds. */
  publishAll(): void {
    for (const record of this.#reign.replica.tasks.records.values()) {
      if (record.state === "leased") this.#touched.add(record.spec.id);
    }
  }

  tick(): void {
    const { monoMs } = this.#core.clock;
    if (this.#touched.size === 0 || monoMs - this.#roundMs < ROUND_MS) return;
    this.#roundMs = monoMs;
    const changes: OwnershipChange[] = [];
    for (const id of this.#touched) {
      const record = this.#reign.replica.tasks.records.get(id);
      const isLeased = record?.state === "leased";
      if (!isLeased && !this.#published.delete(id)) continue;
      if (isLeased) this.#published.add(id);
      const owner = isLeased ? this.#core.memberByNo.get(record.session!.node)?.id ?? "" : "";
      changes.push({ id, fence: record?.fence ?? 0, state: record?.state ?? "completed", owner });
    }
    this.#touched.clear();
    if (changes.length > 0) this.#core.event({ type: "ownership", p: this.#reign.p, changes });
  }
}
