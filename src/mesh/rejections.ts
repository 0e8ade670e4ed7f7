/** Reports why peers are refused, without repeating itself at every dial. */

const REPEAT_AFTER_MS = 60_000;
const REMEMBERED_MAX = 1000;

export class Rejections {
  readonly #report: (id: string, reason: string) => void;
  readonly #reportedMsByKey = new Map<string, number>();

  constructor(report: (id: string, reason: string) => void) {
    this.#report = report;
  }

  report(id: string, reason: string): void {
    const key = `${id} ${reason}`;
    const nowMs = performance.now();
    const reportedMs = this.#reportedMsByKey.get(key);
    if (reportedMs !== undefined && nowMs - reportedMs < REPEAT_AFTER_MS) return;
    if (this.#reportedMsByKey.size >= REMEMBERED_MAX) this.#reportedMsByKey.clear();
    this.#reportedMsByKey.set(key, nowMs);
    this.#report(id, reason);
  }
}
