/**
 * A node as a member: adopts rosters, keeps one keeper for every configuration that names it, and forgets
 * everything when it is a member no more. Who is let in or out: membership.ts; getting in: joining.ts;
 * the first roster: founding.ts.
 */
import type { PersistRecord } from "./model/contract.ts";
import { Joining } from "./roster/joining.ts";
import { Keeper } from "./log/keeper.ts";
import { Membership } from "./roster/membership.ts";
import type { Parts } from "./roles.ts";
import { restoreKeeper } from "./log/keeper.ts";
import type { Candidate, Roster } from "./model/types.ts";

export type BelongingParts = Omit<Parts, "requests" | "membership" | "joining" | "nodeCommands">;

export class Belonging {
  readonly parts: BelongingParts;
  readonly membership: Membership;
  readonly joining: Joining;
  /** Not once it was a member of a cluster that goes on without it. */
  #mayFound = true;

  constructor(parts: BelongingParts) {
    this.parts = parts;
    const { core, sessions, keepers, founding } = parts;
    const membership = new Membership(core, sessions, {
      decided: (roster) => this.joining.onDecided(roster),
      isEmpty: () => keepers.all.every((keeper) => keeper.replica.isEmpty),
    });
    this.membership = membership;
    this.joining = new Joining(core, {
      adopt: (roster) => this.#follow(roster),
      reset: (why, next) => this.#reset(why, next),
      get isSettled() {
        return membership.isSettled;
      },
      get isLeaving() {
        return membership.isLeaving;
      },
      greet: (id) => membership.greet(id),
      gone: () => {
        // a founding that it acked may yet make it a member, unless that is decided and it is out again
        const { acked } = founding;
        if (acked === null || acked === this.joining.metCluster) membership.gone("");
      },
    });
  }

  restore(record: PersistRecord): void {
    const { core, keepers, founding } = this.parts;
    switch (record.type) {
      case "roster":
        return this.#restoreRoster(record.roster);
      case "founding":
        return founding.restore(record.founding, record.members as readonly Candidate[]);
      case "vote":
        if (core.roster) this.membership.register.restore(record.epoch, record.promised, record.accepted);
        return;
      case "retire":
        return;
      default: {
        const cfg = record.type === "promise" ? record.ballot.cfg : record.cfg;
        const keeper = keepers.at(record.p, cfg);
        if (keeper) restoreKeeper(keeper, record);
      }
    }
  }

  #restoreRoster(roster: Roster): void {
    const { core } = this.parts;
    const self = roster.members.find((member) => member.id === core.options.self);
    const isSame = core.roster?.cluster === roster.cluster && core.self === self?.no;
    if (core.roster && !isSame) this.#forget();
    if (self) return this.#adopt(roster);
    this.#mayFound = false;
    this.parts.founding.forget();
    this.joining.remember(roster);
  }

  /** In no cluster: looks for one, or founds one. */
  tick(): void {
    const { founding } = this.parts;
    this.joining.tick();
    const roster = founding.tick(this.#mayFound && !this.joining.hasMet);
    if (!roster) return;
    this.#follow(roster);
    for (const member of roster.members) this.membership.greet(member.id);
  }

  #follow(roster: Roster): void {
    this.parts.core.persist({ type: "roster", roster });
    this.#adopt(roster);
  }

  /** A roster in which this node is a member, the first one or a newer one. */
  #adopt(roster: Roster): void {
    const { core, sessions, worker, credit } = this.parts;
    const isFirst = core.roster === null;
    if (isFirst) sessions.begin();
    core.adoptRoster(roster);
    this.#keep(roster);
    worker.adopt();
    this.membership.adopted(roster);
    if (isFirst) sessions.heard(core.self, core.options.boot);
    credit.open(core.self);
    core.event({ type: "roster", roster, isSettled: this.membership.isSettled });
  }

  #keep(roster: Roster): void {
    const { core, sessions, keepers, desks } = this.parts;
    for (const keeper of keepers.all) {
      const isNamed = roster.chains[keeper.p]!.some((each) => each.epoch === keeper.cfg);
      if (!isNamed) this.#retire(keeper);
    }
    roster.chains.forEach((chain, p) => {
      chain.forEach(({ epoch, keepers: named }, at) => {
        if (!named.includes(core.self) || keepers.at(p, epoch)) return;
        const predecessors = (): Iterable<Keeper> => keepers.before(p, epoch);
        const mayStand = (): boolean => keepers.mayStand(keeper);
        const place = { p, chain: chain.slice(0, at + 1), predecessors, mayStand };
        const keeper = new Keeper(core, sessions, place, desks.open);
        keepers.add(keeper);
      });
    });
  }

  #retire(keeper: Keeper): void {
    if (keeper.reign) keeper.stepDown();
    this.parts.keepers.remove(keeper);
    this.parts.core.persist({ type: "retire", p: keeper.p, cfg: keeper.cfg });
  }

  #reset(why: "left" | "evicted" | "yielded", next: Roster): void {
    const { core } = this.parts;
    const { cluster } = core.roster!;
    core.persist({ type: "roster", roster: next });
    if (why !== "yielded") this.#mayFound = false;
    this.#forget();
    core.event({ type: "left", cluster, why });
  }

  /** In no cluster any more. */
  #forget(): void {
    const { core, keepers, worker, founding, credit, dispatcher } = this.parts;
    for (const keeper of [...keepers.all]) this.#retire(keeper);
    worker.reset();
    this.membership.reset();
    founding.forget();
    credit.reset();
    dispatcher.reset();
    core.dropMessages();
    core.reignsChanged = false;
    core.adoptRoster(null);
  }
}
