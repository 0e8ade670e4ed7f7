/**
 * Which tasks of a partition have ended, for the steward that forgets them: by how they ended, each in the
 * order of their ends. Those that have a retention of their own are apart, since they are due in any order.
 */
import type { Retention, TaskRecord } from "../model/types.ts";

/** Ids that are gone are dropped so many at a time. */
const GONE_MAX = 1024;

type Kind = "completed" | "failed" | "own";

export class FinishedTasks {
  readonly #idsByKind: Record<Kind, IdQueue> = {
    completed: new IdQueue(),
    failed: new IdQueue(),
    own: new IdQueue(),
  };

  get count(): number {
    const { completed, failed, own } = this.#idsByKind;
    return completed.size + failed.size + own.size;
  }

  add(record: TaskRecord): void {
    this.#of(record).add(record.spec.id);
  }

  delete(record: TaskRecord): void {
    this.#of(record).delete(record.spec.id);
  }

  /** After some were put back: what was due before the others is in front of them again. */
  sort(recordOf: (id: string) => TaskRecord): void {
    const endedMs = (id: string): number => recordOf(id).finishedAtMs;
    for (const kind of ["completed", "failed"] as const) {
      const ids = [...this.#idsByKind[kind]].sort((a, b) => endedMs(a) - endedMs(b));
      this.#idsByKind[kind] = new IdQueue(ids);
    }
  }

  #of({ spec, state }: TaskRecord): IdQueue {
    if (spec.options?.retention) return this.#idsByKind.own;
    return this.#idsByKind[state === "completed" ? "completed" : "failed"];
  }

  ids(): string[] {
    const { completed, failed, own } = this.#idsByKind;
    return [...completed, ...failed, ...own];
  }

  /** The first to go when there are too many: those that are kept for the shortest time by default. */
  first(countMax: number): string[] {
    const first: string[] = [];
    const { completed, failed, own } = this.#idsByKind;
    for (const ids of [completed, failed, own]) {
      for (const id of ids) {
        if (first.length >= countMax) return first;
        first.push(id);
      }
    }
    return first;
  }

  /** Some of those without a retention of their own for whom the common one is over. */
  due(now: DueOptions): string[] {
    const due: string[] = [];
    const { completed, failed } = this.#idsByKind;
    for (const ids of [completed, failed]) {
      for (const id of ids) {
        if (due.length >= now.countMax || !isDue(id, now)) break;
        due.push(id);
      }
    }
    return due;
  }

  /** The same of those that have one: all of them are looked at. */
  dueOfOwn(now: DueOptions): string[] {
    const due: string[] = [];
    for (const id of this.#idsByKind.own) if (due.length < now.countMax && isDue(id, now)) due.push(id);
    return due;
  }
}

/**
 * Ids in the order in which they came. Each task comes and goes once, and mostly goes from the front: a set
 * would hash it for both, and move all others whenever half of them are gone.
 */
class IdQueue {
  #ids: string[];
  #head = 0;

  constructor(ids: string[] = []) {
    this.#ids = ids;
  }

  get size(): number {
    return this.#ids.length - this.#head;
  }

  add(id: string): void {
    this.#ids.push(id);
  }

  delete(id: string): void {
    const ids = this.#ids;
    if (ids[this.#head] === id) this.#head++;
    // an entry that is cut takes back what it did last
    else if (ids.at(-1) === id) ids.pop();
    else {
      const at = ids.indexOf(id, this.#head);
      if (at >= 0) ids.splice(at, 1);
    }
    if (this.#head < GONE_MAX && this.#head < ids.length) return;
    ids.splice(0, this.#head);
    this.#head = 0;
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let at = this.#head; at < this.#ids.length; at++) yield this.#ids[at]!;
  }
}

/** When it is, and what counts then. */
export interface DueOptions {
  readonly recordOf: (id: string) => TaskRecord;
  readonly common: Retention;
  readonly nowMs: number;
  readonly countMax: number;
}

function isDue(id: string, { recordOf, common, nowMs }: DueOptions): boolean {
  return forgottenAtMs(recordOf(id), common) < nowMs;
}

/** Until then the task is known, if it has ended. */
function forgottenAtMs({ spec, state, finishedAtMs }: TaskRecord, common: Retention): number {
  const key = state === "completed" ? "completedMs" : "failedMs";
  return finishedAtMs + (spec.options?.retention?.[key] || common[key]);
}
