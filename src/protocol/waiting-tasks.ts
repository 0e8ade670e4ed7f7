/**
 * The tasks of one reign that wait: for a node with credit, or for their time. Queues by name of the handler,
 * oldest first; which node gets a task is dispatch.ts's decision.
 */
import type { Clock } from "./api.ts";
import type { TaskRecord } from "./types.ts";

export class WaitingTasks {
  /** Pending tasks by name of their handler, oldest first. */
  readonly #queues: Map<string, { ids: string[]; head: number }> = new Map();
  readonly #sleepers: Set<string> = new Set();

  clear(): void {
    this.#queues.clear();
    this.#sleepers.clear();
  }

  /** True when it waits for a node now. */
  add(record: TaskRecord): boolean {
    const { id, name } = record.spec;
    if (record.state === "sleeping") this.#sleepers.add(id);
    if (record.state !== "pending") return false;
    this.#push(name, id);
    return true;
  }

  #push(name: string, id: string): void {
    let queue = this.#queues.get(name);
    if (!queue) this.#queues.set(name, queue = { ids: [], head: 0 });
    queue.ids.push(id);
  }

  /** Sleepers whose time has come wait for a node. True when there were some. */
  wake(records: ReadonlyMap<string, TaskRecord>, clock: Clock): boolean {
    let isNews = false;
    for (const id of this.#sleepers) {
      const record = records.get(id);
      if (record?.state === "sleeping" && record.wakeAtMs > clock.wallMs) continue;
      this.#sleepers.delete(id);
      if (record?.state !== "sleeping") continue;
      this.#push(record.spec.name, id);
      isNews = true;
    }
    return isNews;
  }

  /**
   * Leases what can be leased now, as long as `pick` names a member (-1 = nobody). True when tasks remain.
   */
  dispatch(
    records: ReadonlyMap<string, TaskRecord>,
    clock: Clock,
    pick: (record: TaskRecord) => number,
    lease: (no: number, id: string) => void,
  ): boolean {
    let remains = false;
    for (const [name, queue] of this.#queues) {
      while (queue.head < queue.ids.length) {
        const id = queue.ids[queue.head]!;
        const record = records.get(id);
        if (record && (record.state === "pending" || isDue(record, clock))) {
          const no = pick(record);
          if (no < 0) break;
          lease(no, id);
        } else if (record?.state === "sleeping") this.#sleepers.add(id); // the wall clock went back
        queue.head++;
      }
      if (queue.head === queue.ids.length) {
        this.#queues.delete(name);
        continue;
      }
      remains = true;
      if (queue.head > 1024) queue.ids.splice(0, queue.head), queue.head = 0;
    }
    return remains;
  }

  /** How many wait for a node with these handlers. */
  countFor(handlers: ReadonlySet<string>): number {
    let count = 0;
    for (const [name, queue] of this.#queues) {
      if (handlers.has(name)) count += queue.ids.length - queue.head;
    }
    return count;
  }
}

/** It sleeps, and its time has come. */
export function isDue(record: TaskRecord, clock: Clock): boolean {
  return record.state === "sleeping" && record.wakeAtMs <= clock.wallMs;
}
