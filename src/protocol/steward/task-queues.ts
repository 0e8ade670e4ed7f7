/**
 * The tasks of one term that wait: for a node, or for their time. One queue for tasks that are alike in
 * handler, priority and placement, oldest first; which node gets a task is dispatcher.ts's decision. What
 * everybody declined is parked for a while, so that it holds up nobody.
 */
import type { Declines } from "./declines.ts";
import { queueKeyOf } from "./placement.ts";
import type { Ballot, MemberNo, Placement, TaskRecord, TaskSpec } from "../model/types.ts";

/** `pick` found nobody: those who may run the task take nothing now. */
export const NOBODY: MemberNo = -1;
/** `pick` found only members that declined this very task. */
export const DECLINED: MemberNo = -2;

/** A parked task is looked at again after so long at the latest. */
const PARKED_MS_MAX = 1000;
/** Parked tasks looked at to find out whether a member could run some; they take turns. */
const PARKED_COUNTED_MAX = 256;

/** Tasks that are alike. */
interface Queue {
  readonly name: string;
  readonly queueKey: string;
  readonly priority: number;
  readonly placement: Placement | null;
  readonly ids: string[];
  /** When each came: the oldest of equal priority goes first. */
  readonly turns: number[];
  head: number;
  /** The round in which nobody took its first task. */
  blockedIn: number;
}

/** What is waited for: the cluster's time wakes tasks, the monotonic clock those that are parked. */
export interface Now {
  readonly timeMs: number;
  readonly monoMs: number;
}

export interface DispatchOptions {
  readonly records: ReadonlyMap<string, TaskRecord>;
  readonly now: Now;
  /** Only tasks of this priority. */
  readonly priority: number;
  /** What nobody took in a round is not tried again in it. */
  readonly round: number;
  /** A member, NOBODY or DECLINED. */
  readonly pick: (record: TaskRecord) => MemberNo;
  readonly lease: (no: MemberNo, record: TaskRecord) => void;
  /** Ms until somebody who declined the task may be asked again. */
  readonly waitMs: (id: string) => number;
}

/** Somebody who might run what waits. */
export interface Taker {
  mayRun(name: string, placement: Placement | null): boolean;
  hasDeclined(spec: TaskSpec): boolean;
}

/** How many tasks wait, and the highest priority of them (0 when there are none). */
export interface Backlog {
  readonly count: number;
  readonly priority: number;
}

/** The tasks of one steward that wait, for those who hand them out. */
export interface TaskBook {
  readonly p: number;
  readonly ballot: Ballot;
  readonly timeMs: number;
  readonly declines: Pick<Declines, "leftMs" | "whyOf">;
  isAttached(no: MemberNo, boot: number): boolean;
  priorityBelow(limit: number): number;
  backlogFor(no: MemberNo, taker: Taker): Backlog;
  review(review: number): void;
  dispatch(priority: number, round: number): boolean;
}

export const NO_BACKLOG: Backlog = { count: 0, priority: 0 };

export class TaskQueues {
  /** Highest priority first. */
  #queues: Queue[] = [];
  readonly #plain: Map<string, Queue> = new Map();
  readonly #special: Map<string, Map<string, Queue>> = new Map();
  /** Until when (monotonic), by id. */
  readonly #parked: Map<string, { readonly spec: TaskSpec; readonly untilMs: number }> = new Map();
  readonly #sleepers: Set<string> = new Set();
  #turn = 0;
  #review = 0;
  /** Time of the cluster at which the first of those that sleep is to wake, as of the last look. */
  wakeAtMs: number = Infinity;

  clear(): void {
    this.#queues = [];
    this.#plain.clear();
    this.#special.clear();
    this.#parked.clear();
    this.#sleepers.clear();
  }

  /** True when it waits for a node now. */
  add(record: TaskRecord): boolean {
    if (record.state === "sleeping") this.#sleepers.add(record.spec.id);
    if (record.state !== "pending") return false;
    this.#push(record.spec);
    return true;
  }

  #push(spec: TaskSpec): void {
    const queue = this.#queueOf(spec);
    queue.ids.push(spec.id);
    queue.turns.push(++this.#turn);
  }

  #queueOf(spec: TaskSpec): Queue {
    const { name, options } = spec;
    const queueKey = queueKeyOf(spec);
    let queues = this.#plain;
    if (queueKey !== "") {
      const known = this.#special.get(queueKey);
      if (known) queues = known;
      else this.#special.set(queueKey, queues = new Map());
    }
    const known = queues.get(name);
    if (known) return known;
    const priority = options?.priority ?? 0;
    const placement = queueKey === "" ? null : options?.placement ?? null;
    const queue = { name, queueKey, priority, placement, ids: [], turns: [], head: 0, blockedIn: -1 };
    queues.set(name, queue);
    const at = this.#queues.findIndex((other) => other.priority < priority);
    this.#queues.splice(at < 0 ? this.#queues.length : at, 0, queue);
    return queue;
  }

  #drop(queue: Queue): void {
    const { name, queueKey } = queue;
    if (queueKey === "") this.#plain.delete(name);
    else if (this.#special.get(queueKey)?.delete(name) && this.#special.get(queueKey)!.size === 0) {
      this.#special.delete(queueKey);
    }
  }

  /** Those that slept or were parked for long enough wait for a node. True when there were some. */
  wake(records: ReadonlyMap<string, TaskRecord>, now: Now): boolean {
    this.wakeAtMs = Infinity;
    if (this.#sleepers.size === 0 && this.#parked.size === 0) return false;
    let isNews = false;
    for (const id of this.#sleepers) {
      const record = records.get(id);
      if (record?.state === "sleeping" && record.wakeAtMs > now.timeMs) {
        this.wakeAtMs = Math.min(this.wakeAtMs, record.wakeAtMs);
        continue;
      }
      this.#sleepers.delete(id);
      if (record?.state !== "sleeping") continue;
      this.#push(record.spec);
      isNews = true;
    }
    for (const [id, { spec, untilMs }] of this.#parked) {
      if (untilMs > now.monoMs) continue;
      this.#parked.delete(id);
      this.#push(spec);
      isNews = true;
    }
    return isNews;
  }

  /** In a new review everything parked is looked at once more. */
  review(review: number): void {
    if (review === this.#review) return;
    this.#review = review;
    // mostly so; clearing an empty map makes garbage
    if (this.#parked.size === 0) return;
    for (const { spec } of this.#parked.values()) this.#push(spec);
    this.#parked.clear();
  }

  /** The highest priority below `limit` of tasks that wait; -Infinity when there are none. */
  priorityBelow(limit: number): number {
    for (const { priority } of this.#queues) if (priority < limit) return priority;
    return -Infinity;
  }

  /** Leases what can be leased now. True when tasks remain, of any priority. */
  dispatch(options: DispatchOptions): boolean {
    const { priority, round } = options;
    for (;;) {
      const queue = this.#oldest(priority, round);
      if (!queue) break;
      this.#advance(queue, options);
    }
    if (this.#queues.some(isEmpty)) {
      for (const queue of this.#queues) if (isEmpty(queue)) this.#drop(queue);
      this.#queues = this.#queues.filter((queue) => !isEmpty(queue));
    }
    return this.#queues.length > 0 || this.#parked.size > 0;
  }

  /** The queue whose first task has waited longest. */
  #oldest(priority: number, round: number): Queue | undefined {
    let oldest: Queue | undefined;
    for (const queue of this.#queues) {
      if (queue.priority !== priority || queue.blockedIn === round || isEmpty(queue)) continue;
      if (!oldest || queue.turns[queue.head]! < oldest.turns[oldest.head]!) oldest = queue;
    }
    return oldest;
  }

  #advance(queue: Queue, { records, now, round, pick, lease, waitMs }: DispatchOptions): void {
    const id = queue.ids[queue.head]!;
    const record = records.get(id);
    if (record && (record.state === "pending" || isDue(record, now))) {
      const no = pick(record);
      if (no === NOBODY) {
        queue.blockedIn = round;
        return;
      }
      if (no === DECLINED) {
        const untilMs = now.monoMs + Math.min(PARKED_MS_MAX, waitMs(id));
        this.#parked.set(id, { spec: record.spec, untilMs });
      } else lease(no, record);
    }
    queue.head++;
    if (queue.head <= 1024) return;
    queue.ids.splice(0, queue.head);
    queue.turns.splice(0, queue.head);
    queue.head = 0;
  }

  /** How many wait for a node like this, and the highest priority of them. */
  countFor(taker: Taker): Backlog {
    let count = 0;
    let highest = -Infinity;
    for (const queue of this.#queues) {
      if (isEmpty(queue) || !taker.mayRun(queue.name, queue.placement)) continue;
      count += queue.ids.length - queue.head;
      highest = Math.max(highest, queue.priority);
    }
    if (this.#parked.size > 0) ({ count, highest } = this.#countParked(taker, count, highest));
    return count === 0 ? NO_BACKLOG : { count, priority: highest };
  }

  #countParked(taker: Taker, counted: number, priority: number): { count: number; highest: number } {
    let count = counted;
    let highest = priority;
    let looked = 0;
    for (const { spec } of this.#parked.values()) {
      if (++looked > PARKED_COUNTED_MAX) break;
      if (!taker.mayRun(spec.name, spec.options?.placement ?? null) || taker.hasDeclined(spec)) continue;
      count++;
      highest = Math.max(highest, spec.options?.priority ?? 0);
    }
    return { count, highest };
  }
}

function isEmpty(queue: Queue): boolean {
  return queue.head >= queue.ids.length;
}

/** It sleeps, and its time has come. */
function isDue(record: TaskRecord, { timeMs }: Now): boolean {
  return record.state === "sleeping" && record.wakeAtMs <= timeMs;
}
