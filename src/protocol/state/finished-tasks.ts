/**
 * Which tasks of a partition have ended, for the steward that forgets them: by how they ended, each in the
 * order of their ends. Those that have a retention of their own are apart, since they are due in any order.
 */
import type { Retention, TaskRecord } from "../model/types.ts";

type Kind = "completed" | "failed" | "own";

export class FinishedTasks {
  readonly #idsByKind: Readonly<Record<Kind, Set<string>>> = {
    completed: new Set(),
    failed: new Set(),
    own: new Set(),
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

  #of({ spec, state }: TaskRecord): Set<string> {
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

  /** Some of those whose retention is over, `common` for those that have none of their own. */
  due(
    recordOf: (id: string) => TaskRecord,
    { common, nowMs, countMax }: {
      readonly common: Retention;
      readonly nowMs: number;
      readonly countMax: number;
    },
  ): string[] {
    const due: string[] = [];
    const isDue = (id: string): boolean => forgottenAtMs(recordOf(id), common) < nowMs;
    const { completed, failed, own } = this.#idsByKind;
    for (const ids of [completed, failed]) {
      for (const id of ids) {
        if (due.length >= countMax || !isDue(id)) break;
        due.push(id);
      }
    }
    for (const id of own) if (due.length < countMax && isDue(id)) due.push(id);
    return due;
  }
}

/** Until then the task is known, if it has ended. */
function forgottenAtMs({ spec, state, finishedAtMs }: TaskRecord, common: Retention): number {
  const key = state === "completed" ? "completedMs" : "failedMs";
  return finishedAtMs + (spec.options?.retention?.[key] || common[key]);
}
