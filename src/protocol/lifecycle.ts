/**
 * A node as a member: adopts rosters, keeps one keeper for every configuration that names it, and forgets
 * everything when it is a member no more. Who is let in or out: roster/membership.ts; getting in:
 * roster/joining.ts; the first roster: roster/founding.ts.
 */
import type { PersistRecord } from "./model/contract.ts";
import { Joining } from "./roster/joining.ts";
import { Keeper } from "./log/keeper.ts";
import { Membership } from "./roster/membership.ts";
import type { Roles } from "./roles.ts";
import { restoreKeeper } from "./log/keeper.ts";
import type { Candidate, Roster } from "./model/types.ts";

export type LifecycleRoles = Omit<Roles, "requests" | "membership" | "joining" | "nodeCommands">;

export class Lifecycle {
  readonly roles: LifecycleRoles;
  readonly membership: Membership;
  readonly joining: Joining;
  /** Not once it was a member of a cluster that goes on without it. */
  #mayFound = true;

  constructor(roles: LifecycleRoles) {
    this.roles = roles;
    const { context, liveness, keepers, founding } = roles;
    const membership = new Membership(context, liveness, {
      follow: (roster) => this.#follow(roster, true),
      isEmpty: () => keepers.all.every((keeper) => keeper.replica.isEmpty),
    });
    this.membership = membership;
    this.joining = new Joining(context, {
      adopt: (roster) => this.#adopt(roster),
      follow: (roster, isSettled) => this.#follow(roster, isSettled),
      yieldTo: (next) => this.#leaveFor(next, "yielded"),
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
    const { context, keepers, founding } = this.roles;
    switch (record.type) {
      case "roster":
        return this.#restoreRoster(record.roster);
      case "founding":
        return founding.restore(record.founding, record.members as readonly Candidate[]);
      case "vote":
        if (context.roster) this.membership.register.restore(record.epoch, record.promised, record.accepted);
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
    const { context } = this.roles;
    const no = context.numberIn(roster);
    const isSame = context.roster?.cluster === roster.cluster && context.self === no;
    if (context.roster && !isSame) this.#forget();
    if (no !== undefined) return this.#install(roster);
    this.#mayFound = false;
    this.roles.founding.forget();
    this.joining.remember(roster);
  }

  /** In no cluster: looks for one, or founds one. */
  tick(): void {
    const { founding } = this.roles;
    this.joining.tick();
    const roster = founding.tick(this.#mayFound && !this.joining.hasMet);
    if (!roster) return;
    this.#adopt(roster);
    for (const member of roster.members) this.membership.greet(member.id);
  }

  /** A roster of this node's cluster: adopts it if it is newer, or is a member no more. */
  #follow(roster: Roster, isSettled: boolean): void {
    const { context } = this.roles;
    if (!context.roster || roster.epoch <= context.roster.epoch) return;
    if (context.numberIn(roster) === context.self) return this.#adopt(roster);
    this.#leaveFor(roster, this.membership.isLeaving ? "left" : "evicted");
    this.joining.putOut(roster, isSettled);
  }

  #adopt(roster: Roster): void {
    this.roles.context.persist({ type: "roster", roster });
    this.#install(roster);
  }

  /** A roster in which this node is a member, the first one or a newer one. Durable already. */
  #install(roster: Roster): void {
    const { context, liveness, holder, credit } = this.roles;
    const isFirst = context.roster === null;
    if (isFirst) liveness.begin();
    context.adoptRoster(roster);
    this.#keep(roster);
    holder.adopt();
    this.membership.adopted(roster);
    if (isFirst) liveness.heard(context.self, context.options.boot);
    credit.open(context.self);
    context.event({ type: "roster", roster, isSettled: this.membership.isSettled });
  }

  #keep(roster: Roster): void {
    const { context, liveness, keepers, stewards } = this.roles;
    for (const keeper of keepers.all) {
      const isNamed = roster.chains[keeper.p]!.some((each) => each.epoch === keeper.cfg);
      if (!isNamed) this.#retire(keeper);
    }
    roster.chains.forEach((chain, p) => {
      chain.forEach(({ epoch, keepers: named }, at) => {
        if (!named.includes(context.self) || keepers.at(p, epoch)) return;
        const predecessors = (): Iterable<Keeper> => keepers.before(p, epoch);
        const mayStand = (): boolean => keepers.mayStand(keeper);
        const place = { p, chain: chain.slice(0, at + 1), predecessors, mayStand };
        const keeper = new Keeper(context, liveness, place, stewards.open);
        keepers.add(keeper);
      });
    });
  }

  #retire(keeper: Keeper): void {
    if (keeper.term) keeper.stepDown();
    this.roles.keepers.remove(keeper);
    this.roles.context.persist({ type: "retire", p: keeper.p, cfg: keeper.cfg });
  }

  #leaveFor(next: Roster, why: "left" | "evicted" | "yielded"): void {
    const { context } = this.roles;
    const { cluster } = context.roster!;
    context.persist({ type: "roster", roster: next });
    if (why !== "yielded") this.#mayFound = false;
    this.#forget();
    context.event({ type: "left", cluster, why });
  }

  /** In no cluster any more. */
  #forget(): void {
    const { context, keepers, holder, founding, credit, dispatcher } = this.roles;
    for (const keeper of [...keepers.all]) this.#retire(keeper);
    holder.reset();
    this.membership.reset();
    founding.forget();
    credit.reset();
    dispatcher.reset();
    context.dropMessages();
    context.termsChanged = false;
    context.adoptRoster(null);
  }
}
