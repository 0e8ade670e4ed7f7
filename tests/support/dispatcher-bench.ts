/**
 * One dispatcher at member 0, for tests of who gets what: members say what they take, and what waits is a
 * list of the test's, handed out as a steward does it.
 */
import type { CreditMessage } from "../../src/protocol/model/messages.ts";
import type { Ballot, MemberNo, Placement, TaskRecord } from "../../src/protocol/model/types.ts";
import { PartitionTasks } from "../../src/protocol/state/partition-tasks.ts";
import { Dispatcher } from "../../src/protocol/steward/dispatcher.ts";
import {
  type Backlog,
  NO_BACKLOG,
  type Taker,
  type TaskBook,
} from "../../src/protocol/steward/task-queues.ts";
import { ballotBy, type RoleSetting, RoleStage, specOf, WALL_MS } from "./roles.ts";

/** Of many tasks, for what must hold wherever a task stands on the ring. */
export const IDS: readonly string[] = Array.from({ length: 60 }, (_, i) => `task ${i}`);

/** What a task asks for, and who gave it up. */
interface Asked extends Partial<Placement> {
  readonly avoid?: MemberNo;
  readonly name?: string;
  readonly priority?: number;
}

/** A task that waits. */
export function pending(
  id: string,
  { avoid = -1, name = "h", priority = 0, ...placement }: Asked = {},
): TaskRecord {
  const whole = { requires: [], prefers: [], node: "", apart: "", ...placement };
  const tasks = new PartitionTasks();
  const spec = specOf(id, { priority, retry: null, placement: whole, expiresMs: 0, lapsesMax: 5 }, name);
  tasks.apply(1, { type: "submit", spec, atMs: WALL_MS });
  return { ...tasks.records.get(id)!, avoid };
}

/** The tasks that wait at one steward. */
export class FakeBook implements TaskBook {
  readonly p = 0;
  readonly ballot: Ballot = ballotBy(0, 1);
  readonly tasks: TaskRecord[] = [];
  readonly timeMs: number = WALL_MS;
  readonly declines: TaskBook["declines"];
  /** Who declined what: `id@no`. */
  readonly declined: Set<string> = new Set();
  /** The life in which a member is attached. */
  readonly bootByNo: Map<MemberNo, number> = new Map();
  readonly reviews: number[] = [];
  readonly rounds: number[] = [];
  readonly given: string[];
  readonly #dispatcher: Dispatcher;

  constructor(dispatcher: Dispatcher, given: string[]) {
    this.#dispatcher = dispatcher;
    this.given = given;
    this.declines = {
      leftMs: (id, no) => this.declined.has(`${id}@${no}`) ? 0 : undefined,
      whyOf: () => "",
    };
  }

  add(...tasks: readonly TaskRecord[]): void {
    this.tasks.push(...tasks);
    this.#dispatcher.waiting.add(this);
  }

  isAttached(no: MemberNo, boot: number): boolean {
    return this.bootByNo.get(no) === boot;
  }

  priorityBelow(limit: number): number {
    return Math.max(-Infinity, ...this.tasks.map(priorityOf).filter((priority) => priority < limit));
  }

  backlogFor(_no: MemberNo, taker: Taker): Backlog {
    const able = this.tasks.filter(({ spec: { name, options } }) =>
      taker.mayRun(name, options?.placement ?? null)
    );
    if (able.length === 0) return NO_BACKLOG;
    return { count: able.length, priority: Math.max(...able.map(priorityOf)) };
  }

  review(review: number): void {
    this.reviews.push(review);
  }

  dispatch(priority: number, round: number): boolean {
    this.rounds.push(round);
    for (const record of this.tasks.filter((each) => priorityOf(each) === priority)) {
      const no = this.#dispatcher.pick(this, record);
      if (no < 0) continue;
      this.#dispatcher.charge(no, record.spec.name);
      this.given.push(`${record.spec.id}@${no}`);
      this.tasks.splice(this.tasks.indexOf(record), 1);
    }
    return this.tasks.length > 0;
  }
}

function priorityOf({ spec }: TaskRecord): number {
  return spec.options?.priority ?? 0;
}

export class DispatcherBench {
  readonly stage: RoleStage;
  readonly dispatcher: Dispatcher;
  readonly given: string[] = [];
  readonly book: FakeBook;
  readonly #seqByNo: Map<MemberNo, number> = new Map();

  constructor(setting: RoleSetting = {}) {
    this.stage = new RoleStage({ memberCount: 4, ...setting });
    this.dispatcher = new Dispatcher(this.stage.context, this.stage.liveness);
    this.book = new FakeBook(this.dispatcher, this.given);
  }

  /** What the member says of itself: a newer message than all before, unless it says otherwise. */
  credit(no: MemberNo, more: Partial<CreditMessage> = {}): void {
    const seq = (this.#seqByNo.get(no) ?? 0) + 1;
    this.#seqByNo.set(no, seq);
    this.dispatcher.onCredit(no, {
      type: "credit",
      boot: 1,
      stewardBoot: 1,
      seq,
      free: 10,
      upTo: 0,
      load: 0,
      standing: "up",
      handlers: ["h", "other"],
      recall: false,
      changes: 0,
      limits: [],
      ...more,
    });
  }

  /** The member is attached, heard, and takes tasks. */
  join(no: MemberNo, more: Partial<CreditMessage> = {}): this {
    const boot = more.boot ?? 1;
    this.book.bootByNo.set(no, boot);
    this.stage.liveness.heard(no, boot);
    this.credit(no, more);
    return this;
  }

  pick(id = "t", asked: Asked = {}): MemberNo {
    return this.dispatcher.pick(this.book, pending(id, asked));
  }

  /** To whom many tasks would go. */
  pickMany(asked: Asked = {}): readonly MemberNo[] {
    return [...new Set(IDS.map((id) => this.pick(id, asked)))].sort();
  }

  charge(no: MemberNo, count = 1, name = "h"): void {
    for (let i = 0; i < count; i++) this.dispatcher.charge(no, name);
  }
}
