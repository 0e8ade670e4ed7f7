/**
 * Tells members with too little credit of what waits here and what they could run: they ask for credit, or
 * give it back where they reserved too much. Part of dispatch.ts.
 */
import type { Account } from "./account.ts";
import type { Core } from "./core.ts";
import type { Desk } from "./desk.ts";
import type { MemberNo, Placement, TaskSpec } from "./types.ts";
import type { Taker } from "./waiting-tasks.ts";

/** Hunger told to one member at one time: this node may be its own member, and a step must end. */
const TOLD_PER_INSTANT_MAX = 64;

export interface DispatchRules {
  mayRun(no: MemberNo, placement: Placement | null): boolean;
  hasDeclined(desk: Desk, no: MemberNo, spec: TaskSpec): boolean;
}

/** One member at one desk; every step asks for each pair, so one object serves all. */
class Asker implements Taker {
  no: MemberNo = -1;
  account: Account | null = null;
  desk: Desk | null = null;
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

  tell(accounts: ReadonlyMap<MemberNo, Account>, waiting: ReadonlySet<Desk>): void {
    const { monoMs } = this.#core.clock;
    for (const [no, account] of accounts) {
      const isTaking = account.standing === "up" && account.available <= 0;
      const isStarved = waiting.size > 0 && isTaking;
      if (!isStarved && account.toldBacklog === 0) continue;
      let backlog = 0;
      let priority = 0;
      if (isStarved) {
        const asker = this.#asker;
        asker.no = no;
        asker.account = account;
        for (const desk of waiting) {
          asker.desk = desk;
          const more = desk.backlogFor(no, asker);
          if (more.count > 0) priority = backlog === 0 ? more.priority : Math.max(priority, more.priority);
          backlog += more.count;
        }
      }
      const isNews = (backlog === 0) !== (account.toldBacklog === 0) || priority !== account.toldPriority;
      if (!isNews && (backlog === 0 || monoMs - account.toldMs < this.#core.options.heartbeatMs)) continue;
      account.toldCount = monoMs === account.toldMs ? account.toldCount + 1 : 1;
      if (backlog > 0 && account.toldCount > TOLD_PER_INSTANT_MAX) continue;
      account.toldBacklog = backlog;
      account.toldPriority = priority;
      account.toldMs = monoMs;
      this.#core.send(no, { type: "hungry", boot: this.#core.options.boot, backlog, priority });
    }
  }
}
