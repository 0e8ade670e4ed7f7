/** Which process started which held task, and when: what takeovers and false ones are read from. */
import type { Reply } from "./child.ts";

type Start = readonly [id: string, atMs: number];

export class Starts {
  readonly #lastById: Map<string, { readonly by: number; readonly atMs: number }> = new Map();
  /** Starts in all: more than tasks when some were started again. */
  count = 0;

  /** News of process number `by`. */
  add(by: number, reply: Reply): void {
    for (const [id, atMs] of reply["starts"] as readonly Start[]) {
      this.count++;
      this.#lastById.set(id, { by, atMs });
    }
  }

  get taskCount(): number {
    return this.#lastById.size;
  }

  /** The tasks that this process started last. */
  of(by: number): string[] {
    return [...this.#lastById].filter(([, last]) => last.by === by).map(([id]) => id);
  }

  /** When the last of them started anew after `sinceMs`; null while one has not. */
  lastAgainMs(ids: readonly string[], sinceMs: number): number | null {
    let lastMs = sinceMs;
    for (const id of ids) {
      const atMs = this.#lastById.get(id)?.atMs ?? 0;
      if (atMs <= sinceMs) return null;
      lastMs = Math.max(lastMs, atMs);
    }
    return lastMs;
  }
}
