/**
 * Tells members with too little credit of what waits here and what they could run: they ask for credit, or
 * give it back where they reserved too much. Part of dispatcher.ts.
 */
import type { Core } from "../context/context.ts";
import type { Sessions } from "../context/liveness.ts";
import { LIMITS } from "../model/limits.ts";
import type { MemberNo, Placement, TaskSpec } from "../model/types.ts";
import type { Account } from "./credit-account.ts";
import { type Backlog, NO_BACKLOG, type Taker, type TaskBook } from "./task-queues.ts";

/** Hunger told to one member at one time: this node may be its own member, and a step must end. */
const TOLD_PER_INSTANT_MAX = 64;

export interface DispatchRules {
  mayRun(no: MemberNo, placement: Placement | null): boolean;
  hasDeclined(desk: TaskBook, no: MemberNo, spec: TaskSpec): boolean;
}

/** One member at one desk; every step asks for each pair, so one object serves all. */
class Asker implements Taker {
  no: MemberNo = -1;
  account: Account | null = null;
  desk: TaskBook | null = null;
  readonly #rules: DispatchRules;

  constructor(rules: DispatchRules) {
    this.#rules = rules;
  }

  mayRun(name: string, placement: Placement | null): boolean {
    return this.account!.hasRoomFor(name) && this.#rules.mayRun(this.no, placement);
  }

  hasDeclined(spec: TaskSpec): boolean {
    return this.#rules.hasDeclined(this.desk!, this.no, spec);
  }
}

export class Hunger {
  readonly #core: Core;
  readonly #asker: Asker;

  constructor(core: Core, rules: DispatchRules) {
    this.#core = core;
    this.#asker = new Asker(rules);
  }

  tell(accounts: ReadonlyMap<MemberNo, Account>, waiting: ReadonlySet<TaskBook>): void {
    const { clock, options } = this.#core;
    let highest = NaN;
    for (const [no, account] of accounts) {
      const isStarved = waiting.size > 0 && account.standing === "up" && account.available <= 0;
      if (!isStarved && account.toldBacklog === 0) continue;
      const isFresh = clock.monoMs - account.toldMs < options.heartbeatMs;
      if (isStarved && isFresh && account.toldBacklog > 0) {
        if (Number.isNaN(highest)) highest = highestOf(waiting);
        if (account.toldPriority === highest && this.#hasAny(no, account, waiting, highest)) continue;
      }
      const { count, priority } = isStarved ? this.#backlogOf(no, account, waiting) : NO_BACKLOG;
      const isNews = (count === 0) !== (account.toldBacklog === 0) || priority !== account.toldPriority;
      if (!isNews && (count === 0 || isFresh)) continue;
      account.toldCount = clock.monoMs === account.toldMs ? account.toldCount + 1 : 1;
      if (count > 0 && account.toldCount > TOLD_PER_INSTANT_MAX) continue;
      account.toldBacklog = count;
      account.toldPriority = priority;
      account.toldMs = clock.monoMs;
      this.#core.send(no, { type: "hungry", boot: options.boot, backlog: count, priority });
    }
  }

  /** It could run something of that priority, which is the highest: as it was told. Asked at every step. */
  #hasAny(no: MemberNo, account: Account, waiting: ReadonlySet<TaskBook>, priority: number): boolean {
    for (const desk of waiting) {
      const backlog = this.#ask(desk, no, account);
      if (backlog.count > 0 && backlog.priority === priority) return true;
    }
    return false;
  }

  #backlogOf(no: MemberNo, account: Account, waiting: ReadonlySet<TaskBook>): Backlog {
    let count = 0;
    let priority = 0;
    for (const desk of waiting) {
      const more = this.#ask(desk, no, account);
      if (more.count > 0) priority = count === 0 ? more.priority : Math.max(priority, more.priority);
      count += more.count;
    }
    return { count, priority };
  }

  #ask(desk: TaskBook, no: MemberNo, account: Account): Backlog {
    const asker = this.#asker;
    asker.no = no;
    asker.account = account;
    asker.desk = desk;
    return desk.backlogFor(no, asker);
  }
}

function highestOf(waiting: ReadonlySet<TaskBook>): number {
  let highest = -Infinity;
  for (const desk of waiting) highest = Math.max(highest, desk.priorityBelow(Infinity));
  return highest;
}

// ---- calls ------------------------------------------------------------------------------------------------
// In a large cluster each node attaches to some partitions only (topology.ts), so those that are attached
// to one may all be full, or without the handler, while others idle. A steward whose tasks wait calls the
// others: quickly all of them once, then a few with every heartbeat. Who has room answers by attaching
// (router.ts).

/** Tasks that wait longer have nobody among those attached. */
const PATIENCE_MS = 300;
/** Called first; then twice as many each time, until all were. */
const FIRST_COUNT = 64;
const FIRST_EVERY_MS = 200;

interface Call {
  dueMs: number;
  count: number;
  /** Of the members. */
  passedCount: number;
}

export class Calls {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #callByDesk: Map<TaskBook, Call> = new Map();

  constructor(core: Core, sessions: Sessions) {
    this.#core = core;
    this.#sessions = sessions;
  }

  /** `waiting`: those with tasks that nobody who is attached can take. */
  run(waiting: ReadonlySet<TaskBook>): void {
    const core = this.#core;
    for (const desk of this.#callByDesk.keys()) if (!waiting.has(desk)) this.#callByDesk.delete(desk);
    if (waiting.size === 0 || !core.reach.isLarge) return;
    const { monoMs } = core.clock;
    for (const desk of [...waiting].sort((a, b) => a.p - b.p)) {
      const call = this.#callByDesk.get(desk);
      if (!call) {
        const dueMs = monoMs + PATIENCE_MS;
        this.#callByDesk.set(desk, { dueMs, count: FIRST_COUNT, passedCount: 0 });
      } else if (monoMs >= call.dueMs) this.#call(desk, call);
    }
  }

  #call(desk: TaskBook, call: Call): void {
    const core = this.#core;
    const { p, ballot } = desk;
    const { boot, heartbeatMs } = core.options;
    const { members } = core.roster!;
    const priority = Math.max(-LIMITS.priorityMax, desk.priorityBelow(Infinity));
    for (let i = 0; i < call.count && i < members.length; i++) {
      // each partition begins with others
      const { no, witness } = members[(p * FIRST_COUNT + call.passedCount++) % members.length]!;
      if (witness || this.#isAttached(desk, no)) continue;
      core.send(no, { type: "steward", p, ballot });
      core.send(no, { type: "hungry", boot, backlog: 1, priority });
    }
    const isFirstRound = call.passedCount < members.length;
    call.count = isFirstRound ? 2 * call.count : FIRST_COUNT;
    call.dueMs = core.clock.monoMs + (isFirstRound ? FIRST_EVERY_MS : heartbeatMs);
  }

  #isAttached(desk: TaskBook, no: MemberNo): boolean {
    const [core, sessions] = [this.#core, this.#sessions];
    if (no === core.self) return desk.isAttached(no, core.options.boot);
    const silentMs = core.clock.monoMs - sessions.lastBeatMs(no);
    return silentMs < 2.5 * core.options.heartbeatMs && desk.isAttached(no, sessions.bootOf(no));
  }
}
