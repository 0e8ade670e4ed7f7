/**
 * Who belongs to the cluster: lets nodes in and out, evicts the silent, and has every change decided by the
 * deciders (roster-register.ts) after the plan of roster-plan.ts. One decider proposes in quiet times; that
 * two do at once is safe. Changes are gathered for a moment, so that a wave of joins is a few epochs.
 */
import type { Core } from "./core.ts";
import type { JoinMessage, LeaveMessage, RosterAcceptMessage } from "./messages-roster.ts";
import type { RosterPrepareMessage } from "./messages-roster.ts";
import { nextRoster, type Wishes } from "./roster-plan.ts";
import { RosterRegister } from "./roster-register.ts";
import type { Sessions } from "./sessions.ts";
import type { Candidate, MemberNo, NodeId, Roster } from "./types.ts";

/** Wishes wait so long for others, so that a wave of joins is one epoch. */
const GATHER_MS = 250;
/** Between two epochs. */
const EPOCH_GAP_MS = 1000;
/** A node that asked to join and then fell silent is not let in. */
const ASKED_MAX_MS = 3000;
/** As long as so many partitions are on their way, chains are cut now and then only. */
const CUT_EVERY_MS = 5000;
const CONTESTED_MS = 10_000;
const GREET_EVERY_MS = 3000;

interface Asking {
  readonly candidate: Candidate;
  readonly sinceMs: number;
  askedMs: number;
}

export interface MembershipPort {
  /** The next roster, in which this node may have no place. */
  decided(roster: Roster): void;
  /** Nothing is recorded here: a founder of one may yield. */
  isEmpty(): boolean;
}

export class Membership {
  readonly register: RosterRegister;
  /** Wants to leave for good. */
  isLeaving = false;
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #port: MembershipPort;
  readonly #asking: Map<NodeId, Asking> = new Map();
  readonly #leaving: Map<MemberNo, number> = new Map();
  /** Per partition, the newest configuration that is known to serve. */
  readonly #active: Map<number, number> = new Map();
  /** When each member was first seen in a roster here: none is silent from before. */
  readonly #knownMs: Map<MemberNo, number> = new Map();
  readonly #toldMs: Map<MemberNo, number> = new Map();
  #epochMs = -Infinity;
  #contestedMs = -Infinity;
  #leaveSentMs = -Infinity;
  #greetedMs = -Infinity;

  constructor(core: Core, sessions: Sessions, port: MembershipPort) {
    this.#core = core;
    this.#sessions = sessions;
    this.#port = port;
    this.register = new RosterRegister(core, {
      decided: (roster) => this.#decided(roster),
      contested: () => this.#contestedMs = core.clock.monoMs,
      isAcceptable: (roster) => this.isAcceptable(roster),
    });
  }

  get #nowMs(): number {
    return this.#core.clock.monoMs;
  }

  /** The engine has adopted the roster. */
  adopted(roster: Roster): void {
    this.register.reset();
    this.#epochMs = this.#nowMs;
    const known = new Set(roster.members.map((member) => member.no));
    for (const no of known) if (!this.#knownMs.has(no)) this.#knownMs.set(no, this.#nowMs);
    for (const no of this.#knownMs.keys()) if (!known.has(no)) this.#knownMs.delete(no);
    for (const { no, leaving } of roster.members) if (leaving) this.#leaving.delete(no);
    for (const { id, leaving } of roster.members) if (!leaving) this.#asking.delete(id);
  }

  /** This node is in no cluster any more. */
  reset(): void {
    this.#asking.clear();
    this.#leaving.clear();
    this.#active.clear();
    this.#knownMs.clear();
    this.register.reset();
  }

  noteActive(p: number, cfg: number): void {
    if (cfg > (this.#active.get(p) ?? 0)) this.#active.set(p, cfg);
  }

  forgive(gapMs: number): void {
    for (const [no, ms] of this.#knownMs) this.#knownMs.set(no, ms + gapMs);
  }

  // ---- asked by others -----------------------------------------------------------------------------------

  /** To any member; who does not decide passes it on. */
  onJoin(from: NodeId, message: JoinMessage): void {
    const { candidate } = message;
    const roster = this.#core.roster!;
    if (candidate.id === from) this.#core.sendToId(from, this.#rosterMessage(roster));
    if (!roster.deciders.includes(this.#core.self)) {
      if (candidate.id !== from) return;
      for (const no of roster.deciders) this.#core.send(no, message);
      return;
    }
    const reason = this.#refusal(candidate);
    if (reason !== "") {
      this.#core.sendToId(from, { type: "joinRefused", id: candidate.id, reason });
      return;
    }
    const asking = this.#asking.get(candidate.id);
    if (asking) asking.askedMs = this.#nowMs;
    else this.#asking.set(candidate.id, { candidate, sinceMs: this.#nowMs, askedMs: this.#nowMs });
  }

  #refusal(candidate: Candidate): string {
    const { members } = this.#core.roster!;
    const double = members.find((member) => this.#isDouble(member, candidate));
    if (double && this.#core.isConnected(double.no)) {
      return `another member is named ${JSON.stringify(candidate.name)} (${double.id}): names must differ`;
    }
    return "";
  }

  #hasLiveDouble(candidate: Candidate): boolean {
    const { leaseTtlMs } = this.#core.options;
    return this.#core.roster!.members.some((member) =>
      this.#isDouble(member, candidate) && !this.#isSilent(member.no, leaseTtlMs)
    );
  }

  #isDouble(member: { id: NodeId; name: string; leaving: boolean }, candidate: Candidate): boolean {
    return member.name === candidate.name && member.id !== candidate.id && !member.leaving;
  }

  onLeave(message: LeaveMessage): void {
    if (this.#core.memberByNo.get(message.no)?.leaving === false) {
      if (!this.#leaving.has(message.no)) this.#leaving.set(message.no, this.#nowMs);
    }
  }

  /** A member knows an older roster only. */
  isBehind(no: MemberNo): void {
    if (this.#nowMs - (this.#toldMs.get(no) ?? -Infinity) < this.#core.options.resendMs) return;
    this.#toldMs.set(no, this.#nowMs);
    this.#core.send(no, this.#rosterMessage(this.#core.roster!));
  }

  #rosterMessage(roster: Roster): { type: "roster"; roster: Roster; isSettled: boolean } {
    return { type: "roster", roster, isSettled: this.isSettled };
  }

  /** It yields to no other cluster. */
  get isSettled(): boolean {
    const { roster } = this.#core;
    return roster !== null && (roster.members.length > 1 || !this.#port.isEmpty());
  }

  /** Peers that are no members, or do not know yet that they are none. */
  #greetStrangers(): void {
    if (this.#nowMs - this.#greetedMs < GREET_EVERY_MS) return;
    this.#greetedMs = this.#nowMs;
    for (const id of this.#core.connected) if (this.#core.noOf(id) < 0) this.greet(id);
  }

  /** Greets a peer that is no member. */
  greet(id: NodeId): void {
    this.#core.sendToId(id, this.#rosterMessage(this.#core.roster!));
  }

  // ---- the register --------------------------------------------------------------------------------------

  onPrepare(from: MemberNo, message: RosterPrepareMessage): void {
    if (this.#isOfThisEpoch(from, message)) this.register.onPrepare(from, message);
  }

  onAccept(from: MemberNo, message: RosterAcceptMessage): void {
    if (this.#isOfThisEpoch(from, message)) this.register.onAccept(from, message);
  }

  #isOfThisEpoch(from: MemberNo, message: RosterPrepareMessage | RosterAcceptMessage): boolean {
    const { epoch, deciders } = this.#core.roster!;
    if (message.ballot.cfg < epoch) this.isBehind(from);
    return message.ballot.cfg === epoch && deciders.includes(this.#core.self);
  }

  /** A decider refuses to evict whom it hears, unless that member wants it. */
  isAcceptable(next: Roster): boolean {
    const roster = this.#core.roster!;
    if (next.epoch !== roster.epoch + 1 || next.cluster !== roster.cluster) return false;
    const { leaseTtlMs } = this.#core.options;
    return next.members.every(({ no, leaving }) => {
      const before = this.#core.memberByNo.get(no);
      if (!leaving || !before || before.leaving) return true;
      return this.#leaving.has(no) || this.#isSilent(no, leaseTtlMs);
    });
  }

  #decided(roster: Roster): void {
    const before = [...this.#core.memberByNo.values()].map((member) => member.id);
    const now = roster.members.map((member) => member.id);
    // those who are members no more must hear of it, too
    for (const id of new Set([...before, ...now])) {
      this.#core.sendToId(id, { type: "roster", roster, isSettled: true });
    }
    this.#port.decided(roster);
  }

  // ---- proposing -----------------------------------------------------------------------------------------

  tick(): void {
    const roster = this.#core.roster!;
    if (this.isLeaving) this.#askToLeave(roster);
    this.#greetStrangers();
    if (!roster.deciders.includes(this.#core.self)) return;
    this.register.tick();
    if (this.register.isBusy || this.#nowMs - this.#epochMs < EPOCH_GAP_MS) return;
    const { orphan } = this.register;
    if (orphan) return this.register.propose(orphan);
    if (!this.#isProposer(roster)) return;
    const wishes = this.#wishes(roster);
    if (!wishes) return;
    const next = nextRoster(roster, wishes);
    if (next && (this.#hasNewWish(wishes) || this.#isWorthIt(roster, next))) this.register.propose(next);
  }

  #hasNewWish({ joins, leaves }: Wishes): boolean {
    return joins.length > 0 || leaves.length > 0;
  }

  /** Moves and cuts alone: all at once, or now and then while others are still on their way. */
  #isWorthIt(roster: Roster, next: Roster): boolean {
    const moves = next.members.length < roster.members.length ||
      next.deciders.length > roster.deciders.length ||
      next.chains.some((chain, p) => chain.length > roster.chains[p]!.length);
    const rest = next.chains.some((chain, p) => chain === roster.chains[p] && chain.length > 1);
    return moves || !rest || this.#nowMs - this.#epochMs >= CUT_EVERY_MS;
  }

  /** The first decider that is in touch. */
  #isProposer(roster: Roster): boolean {
    for (const no of roster.deciders) {
      if (no === this.#core.self) return true;
      if (this.#isLive(no)) return false;
    }
    return false;
  }

  /** Null: too early, others may follow. */
  #wishes(roster: Roster): Wishes | null {
    const nowMs = this.#nowMs;
    let sinceMs = Infinity;
    const joins: Candidate[] = [];
    for (const [id, { candidate, sinceMs: mine, askedMs }] of this.#asking) {
      if (nowMs - askedMs > ASKED_MAX_MS) this.#asking.delete(id);
      else if (joins.every(({ name }) => name !== candidate.name) && !this.#hasLiveDouble(candidate)) {
        joins.push(candidate);
        sinceMs = Math.min(sinceMs, mine);
      }
    }
    joins.sort((a, b) => (a.id < b.id ? -1 : 1));
    const leaves = this.#evicted(roster, joins);
    if (this.#canSpare(roster, leaves)) {
      for (const [no, mine] of this.#leaving) {
        leaves.push(no);
        sinceMs = Math.min(sinceMs, mine);
      }
    }
    if (sinceMs <= nowMs && nowMs - sinceMs < GATHER_MS) return null;
    leaves.sort((a, b) => a - b);
    const isActive = (p: number, cfg: number): boolean => (this.#active.get(p) ?? 0) >= cfg;
    return { joins, leaves, isActive, isLive: (no) => this.#isLive(no) };
  }

  #isLive(no: MemberNo): boolean {
    return this.#core.isConnected(no) && !this.#isSilent(no, 3 * this.#core.options.heartbeatMs);
  }

  /** Nobody may leave while it is open whether another member is still there. */
  #canSpare(roster: Roster, evicted: readonly MemberNo[]): boolean {
    return roster.members.every(({ no, leaving }) =>
      leaving || no === this.#core.self || this.#isLive(no) || evicted.includes(no)
    );
  }

  /** The silent, and former selves: a node without a store comes back as another of the same name. */
  #evicted(roster: Roster, joins: readonly Candidate[]): MemberNo[] {
    if (this.#nowMs - this.#contestedMs < CONTESTED_MS) return [];
    const { evictAfterMs, leaseTtlMs } = this.#core.options;
    const evicted: MemberNo[] = [];
    for (const member of roster.members) {
      if (member.no === this.#core.self || member.leaving) continue;
      const isFormer = joins.some((candidate) => this.#isDouble(member, candidate));
      if (this.#isSilent(member.no, isFormer ? leaseTtlMs : evictAfterMs)) evicted.push(member.no);
    }
    return evicted;
  }

  #isSilent(no: MemberNo, forMs: number): boolean {
    if (no === this.#core.self) return false;
    const heardMs = Math.max(this.#sessions.lastBeatMs(no), this.#knownMs.get(no) ?? this.#nowMs);
    return this.#nowMs - heardMs > forMs;
  }

  gone(cluster: string): void {
    this.isLeaving = false;
    this.#core.event({ type: "left", cluster, why: "left" });
  }

  #askToLeave(roster: Roster): void {
    const { self, options } = this.#core;
    if (this.#core.memberByNo.get(self)?.leaving) return;
    // the last one waits until the others have left, or until one of them is to stay
    if (roster.members.length === 1) return this.gone(roster.cluster);
    if (this.#nowMs - this.#leaveSentMs < options.resendMs) return;
    this.#leaveSentMs = this.#nowMs;
    for (const no of roster.deciders) this.#core.send(no, { type: "leave", no: self });
  }
}
