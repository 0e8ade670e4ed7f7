/**
 * Announces to members with too little credit what waits here that they could run: they ask for credit, or
 * give it back where they reserved too much. Part of dispatcher.ts.
 */
import type { Context } from "../context/context.ts";
import type { Liveness } from "../context/liveness.ts";
import { LIMITS } from "../model/limits.ts";
import type { MemberNo, Placement, TaskSpec } from "../model/types.ts";
import type { CreditAccount } from "./credit-account.ts";
import { type Backlog, NO_BACKLOG, type Taker, type TaskBook } from "./task-queues.ts";

/** Announcements to one member at one time: this node may be its own member, and a step must end. */
const SENT_PER_INSTANT_MAX = 64;

export interface DispatchRules {
  mayRun(no: MemberNo, placement: Placement | null): boolean;
  hasDeclined(steward: TaskBook, no: MemberNo, spec: TaskSpec): boolean;
}

/** One member at one steward; every step asks for each pair, so one object serves all. */
class Asker implements Taker {
  no: MemberNo = -1;
  account: CreditAccount | null = null;
  steward: TaskBook | null = null;
  readonly #rules: DispatchRules;

  constructor(rules: DispatchRules) {
    this.#rules = rules;
  }

  mayRun(name: string, placement: Placement | null): boolean {
    return this.account!.hasRoomFor(name) && this.#rules.mayRun(this.no, placement);
  }

  hasDeclined(spec: TaskSpec): boolean {
    return this.#rules.hasDeclined(this.steward!, this.no, spec);
  }
}

export class Demand {
  readonly #context: Context;
  readonly #asker: Asker;

  constructor(context: Context, rules: DispatchRules) {
    this.#context = context;
    this.#asker = new Asker(rules);
  }

  send(accounts: ReadonlyMap<MemberNo, CreditAccount>, waiting: ReadonlySet<TaskBook>): void {
    const { clock, options } = this.#context;
    let highest = NaN;
    for (const [no, account] of accounts) {
      const isStarved = waiting.size > 0 && account.standing === "up" && account.available <= 0;
      if (!isStarved && account.sentBacklog === 0) continue;
      const isFresh = clock.monoMs - account.sentMs < options.heartbeatMs;
      if (isStarved && isFresh && account.sentBacklog > 0) {
        if (Number.isNaN(highest)) highest = highestOf(waiting);
        if (account.sentPriority === highest && this.#hasAny(no, account, waiting, highest)) continue;
      }
      const { count, priority } = isStarved ? this.#backlogOf(no, account, waiting) : NO_BACKLOG;
      const isNews = (count === 0) !== (account.sentBacklog === 0) || priority !== account.sentPriority;
      if (!isNews && (count === 0 || isFresh)) continue;
      account.sentCount = clock.monoMs === account.sentMs ? account.sentCount + 1 : 1;
      if (count > 0 && account.sentCount > SENT_PER_INSTANT_MAX) continue;
      account.sentBacklog = count;
      account.sentPriority = priority;
      account.sentMs = clock.monoMs;
      this.#context.send(no, { type: "demand", boot: options.boot, backlog: count, priority });
    }
  }

  /**
   * It could run something of that priority, which is the highest: as it was announced. Asked at every step.
   */
  #hasAny(no: MemberNo, account: CreditAccount, waiting: ReadonlySet<TaskBook>, priority: number): boolean {
    for (const steward of waiting) {
      const backlog = this.#ask(steward, no, account);
      if (backlog.count > 0 && backlog.priority === priority) return true;
    }
    return false;
  }

  #backlogOf(no: MemberNo, account: CreditAccount, waiting: ReadonlySet<TaskBook>): Backlog {
    let count = 0;
    let priority = 0;
    for (const steward of waiting) {
      const more = this.#ask(steward, no, account);
      if (more.count > 0) priority = count === 0 ? more.priority : Math.max(priority, more.priority);
      count += more.count;
    }
    return { count, priority };
  }

  #ask(steward: TaskBook, no: MemberNo, account: CreditAccount): Backlog {
    const asker = this.#asker;
    asker.no = no;
    asker.account = account;
    asker.steward = steward;
    return steward.backlogFor(no, asker);
  }
}

function highestOf(waiting: ReadonlySet<TaskBook>): number {
  let highest = -Infinity;
  for (const steward of waiting) highest = Math.max(highest, steward.priorityBelow(Infinity));
  return highest;
}

// ---- members that are not attached ------------------------------------------------------------------------
// In a large cluster each node attaches to some partitions only (context/topology.ts), so those that are
// attached to one may all be full, or without the handler, while others idle. A steward whose tasks wait asks
// the others: quickly all of them once, then a few with every heartbeat. Who has room answers by attaching
// (router.ts).

/** Tasks that wait longer have nobody among those attached. */
const PATIENCE_MS = 300;
/** Asked first; then twice as many each time, until all were. */
const FIRST_COUNT = 64;
const FIRST_EVERY_MS = 200;

interface AskRound {
  dueMs: number;
  count: number;
  /** Of the members. */
  passedCount: number;
}

export class UnattachedDemand {
  readonly #context: Context;
  readonly #liveness: Liveness;
  readonly #roundBySteward: Map<TaskBook, AskRound> = new Map();

  constructor(context: Context, liveness: Liveness) {
    this.#context = context;
    this.#liveness = liveness;
  }

  /** `waiting`: those with tasks that nobody who is attached can take. */
  run(waiting: ReadonlySet<TaskBook>): void {
    const context = this.#context;
    for (const steward of this.#roundBySteward.keys()) {
      if (!waiting.has(steward)) this.#roundBySteward.delete(steward);
    }
    if (waiting.size === 0 || !context.topology.isLarge) return;
    const { monoMs } = context.clock;
    for (const steward of [...waiting].sort((a, b) => a.p - b.p)) {
      const round = this.#roundBySteward.get(steward);
      if (!round) {
        const dueMs = monoMs + PATIENCE_MS;
        this.#roundBySteward.set(steward, { dueMs, count: FIRST_COUNT, passedCount: 0 });
      } else if (monoMs >= round.dueMs) this.#askMore(steward, round);
    }
  }

  #askMore(steward: TaskBook, round: AskRound): void {
    const context = this.#context;
    const { p, ballot } = steward;
    const { boot, heartbeatMs } = context.options;
    const { members } = context.roster!;
    const priority = Math.max(-LIMITS.priorityMax, steward.priorityBelow(Infinity));
    for (let i = 0; i < round.count && i < members.length; i++) {
      // each partition begins with others
      const { no, witness } = members[(p * FIRST_COUNT + round.passedCount++) % members.length]!;
      if (witness || this.#isAttached(steward, no)) continue;
      context.send(no, { type: "steward", p, ballot });
      context.send(no, { type: "demand", boot, backlog: 1, priority });
    }
    const isFirstRound = round.passedCount < members.length;
    round.count = isFirstRound ? 2 * round.count : FIRST_COUNT;
    round.dueMs = context.clock.monoMs + (isFirstRound ? FIRST_EVERY_MS : heartbeatMs);
  }

  #isAttached(steward: TaskBook, no: MemberNo): boolean {
    const [context, liveness] = [this.#context, this.#liveness];
    if (no === context.self) return steward.isAttached(no, context.options.boot);
    const silentMs = context.clock.monoMs - liveness.lastHeartbeatMs(no);
    return silentMs < 2.5 * context.options.heartbeatMs && steward.isAttached(no, liveness.bootOf(no));
  }
}
