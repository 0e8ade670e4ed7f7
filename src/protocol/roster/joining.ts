/**
 * What a node does with rosters that it hears of, and how one that is in no cluster gets into one: it asks
 * any member that it knows, again and again. A founder of one that has recorded nothing yields to a cluster
 * that it meets; two that have recorded something never merge.
 */
import type { Context } from "../context/context.ts";
import type { RosterMessage } from "../model/messages.ts";
import type { Candidate, NodeId, Roster } from "../model/types.ts";

/** A cluster that answers no more is forgotten. */
const MET_MAX_MS = 6000;
/** So long after it asked a node may still be let in. */
const ADMITTED_WITHIN_MS = 6000;
const ASKED_COUNT_MAX = 8;

export interface JoiningPort {
  /** A roster in which this node is a member. */
  adopt(roster: Roster): void;
  /** A roster of this node's own cluster. */
  follow(roster: Roster, isSettled: boolean): void;
  /** Leaves the present cluster for `next`, which is another. */
  yieldTo(next: Roster): void;
  readonly isSettled: boolean;
  readonly isLeaving: boolean;
  greet(id: NodeId): void;
  /** It wanted to leave and is in no cluster. */
  gone(): void;
}

export class Joining {
  readonly #context: Context;
  readonly #port: JoiningPort;
  /** The cluster that this node wants to be in. */
  #met: RosterMessage | null = null;
  #metMs = 0;
  /** What put this node out: no roster before it counts, for what it had promised is forgotten. */
  #outBy: Roster | null = null;
  #askedMs = -Infinity;
  #hasEverMet = false;

  constructor(context: Context, port: JoiningPort) {
    this.#context = context;
    this.#port = port;
  }

  /** The cluster that it last heard of, in which it is no member. */
  get metCluster(): string | null {
    return this.#met?.roster.cluster ?? null;
  }

  get hasMet(): boolean {
    return this.#met !== null;
  }

  onRoster(from: NodeId, message: RosterMessage): void {
    const { roster } = message;
    const mine = this.#context.roster;
    if (roster.chains.length !== this.#context.options.partitionCount) {
      const { partitionCount } = this.#context.options;
      const sizes = `it has ${roster.chains.length} partitions, this node is set to ${partitionCount}`;
      this.#context.event({ type: "refused", reason: `cannot join cluster ${roster.cluster}: ${sizes}` });
    } else if (mine === null) this.#meet(message);
    else if (mine.cluster === roster.cluster) this.#port.follow(roster, message.isSettled);
    else this.#compare(from, mine, message);
  }

  /** The roster has no place for this node, or has it again as another member. */
  putOut(roster: Roster, isSettled: boolean): void {
    this.#outBy = roster;
    this.#meet({ type: "roster", roster, isSettled });
  }

  /** Another cluster. */
  #compare(from: NodeId, mine: Roster, message: RosterMessage): void {
    if (this.#port.isSettled) return;
    const isTheirs = message.isSettled || message.roster.members[0]!.id < mine.members[0]!.id;
    if (!isTheirs) return this.#port.greet(from);
    this.#port.yieldTo(message.roster);
    this.#meet(message);
  }

  #meet(message: RosterMessage): void {
    const { roster } = message;
    if (this.#outBy?.cluster === roster.cluster && roster.epoch < this.#outBy.epoch) return;
    if (this.#context.numberIn(roster) !== undefined) {
      this.#met = null;
      return this.#port.adopt(roster);
    }
    const known = this.#met;
    const isNews = known === null ||
      (known.roster.cluster === roster.cluster
        ? roster.epoch >= known.roster.epoch
        : message.isSettled && !known.isSettled);
    if (!isNews) return;
    this.#met = message;
    this.#metMs = this.#context.clock.monoMs;
    this.#hasEverMet = true;
  }

  /** A roster of an earlier life, without this node. */
  remember(roster: Roster): void {
    this.#outBy = roster;
    this.#met = { type: "roster", roster, isSettled: true };
    this.#metMs = this.#context.clock.monoMs;
  }

  /** Not in a cluster: asks to be let in. */
  tick(): void {
    const { monoMs } = this.#context.clock;
    if (this.#port.isLeaving) {
      // it may be let in yet, and must then leave like any other
      if (monoMs - this.#askedMs > ADMITTED_WITHIN_MS || !this.#hasEverMet) this.#port.gone();
      return;
    }
    if (monoMs - this.#askedMs < this.#context.options.resendMs) return;
    this.#askedMs = monoMs;
    if (monoMs - this.#metMs > MET_MAX_MS) this.#met = null;
    const candidate = this.#candidate;
    for (const peer of this.#whomToAsk()) this.#context.sendToId(peer, { type: "join", candidate });
  }

  /** Those who decide, else any member, else whoever is there: the news of a roster may have got lost. */
  #whomToAsk(): readonly NodeId[] {
    const { connected } = this.#context;
    if (!this.#met) return [...connected].slice(0, ASKED_COUNT_MAX);
    const { members, deciders } = this.#met.roster;
    const open = members.filter((member) => connected.has(member.id));
    const deciding = open.filter((member) => deciders.includes(member.no));
    return (deciding.length > 0 ? deciding : open).slice(0, ASKED_COUNT_MAX).map((member) => member.id);
  }

  /** A member that is being evicted, or was marked as leaving by mistake, asks to stay. */
  askToStay(): void {
    const { roster, self, clock, options } = this.#context;
    if (!roster || this.#port.isLeaving || !this.#context.memberByNo.get(self)?.leaving) return;
    if (clock.monoMs - this.#askedMs < options.resendMs) return;
    this.#askedMs = clock.monoMs;
    const candidate = this.#candidate;
    for (const no of roster.deciders) this.#context.send(no, { type: "join", candidate });
  }

  get #candidate(): Candidate {
    const { self: id, name, labels, witness } = this.#context.options;
    return { id, name, labels, witness };
  }
}
