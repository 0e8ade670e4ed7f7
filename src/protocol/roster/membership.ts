/**
 * Who belongs to the cluster: lets nodes in and out, evicts the silent, and has every change decided by the
 * deciders (register.ts) after the plan of next-roster.ts. One decider proposes in quiet times; that
 * two do at once is safe. Changes are gathered for a moment, so that a wave of joins is a few epochs.
 */
import { Attendance } from "./failure-detector.ts";
import type { Core } from "../context/context.ts";
import type { JoinMessage, LeaveMessage, RosterAcceptMessage } from "../model/messages.ts";
import type { RosterPrepareMessage } from "../model/messages.ts";
import { nextRoster, type Wishes } from "./next-roster.ts";
import { RosterRegister } from "./register.ts";
import type { Sessions } from "../context/liveness.ts";
import type { MemberNo, NodeId, Roster } from "../model/types.ts";
import { WishList } from "./pending-changes.ts";

/** Between two epochs. */
const EPOCH_GAP_MS = 1000;
/** As long as so many partitions are on their way, chains are cut now and then only. */
const CUT_EVERY_MS = 5000;
const GREET_EVERY_MS = 3000;

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
  readonly #attendance: Attendance;
  readonly #wishList: WishList;
  readonly #port: MembershipPort;
  /** Per partition, the newest configuration that is known to serve. */
  readonly #active: Map<number, number> = new Map();
  readonly #toldMs: Map<MemberNo, number> = new Map();
  #epochMs = -Infinity;
  #leaveSentMs = -Infinity;
  #greetedMs = -Infinity;
  #wasSettled = false;
  #isGone = false;

  constructor(core: Core, sessions: Sessions, port: MembershipPort) {
    this.#core = core;
    this.#attendance = new Attendance(core, sessions);
    this.#wishList = new WishList(core, this.#attendance);
    this.#port = port;
    this.register = new RosterRegister(core, {
      decided: (roster) => this.#decided(roster),
      contested: () => this.#wishList.contested(),
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
    this.#wasSettled = this.isSettled;
    this.#attendance.adopted(roster);
    this.#wishList.adopted(roster);
  }

  /** This node is in no cluster any more. */
  reset(): void {
    this.#active.clear();
    this.#attendance.reset();
    this.#wishList.reset();
    this.register.reset();
  }

  noteActive(p: number, cfg: number): void {
    if (cfg > (this.#active.get(p) ?? 0)) this.#active.set(p, cfg);
  }

  forgive(gapMs: number): void {
    this.#attendance.forgive(gapMs);
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
    const reason = this.#wishList.join(candidate);
    if (reason !== "") this.#core.sendToId(from, { type: "joinRefused", id: candidate.id, reason });
  }

  onLeave(message: LeaveMessage): void {
    this.#wishList.leave(message.no);
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

  /** The founder of one has recorded something: from now on it yields to nobody. */
  #tellSettled(roster: Roster): void {
    if (this.#wasSettled || !this.isSettled) return;
    this.#wasSettled = true;
    this.#core.event({ type: "roster", roster, isSettled: true });
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
      return this.#wishList.wantsToLeave(no) || this.#attendance.isSilent(no, leaseTtlMs);
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
    this.#tellSettled(roster);
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
      if (this.#attendance.isLive(no)) return false;
    }
    return false;
  }

  #wishes(roster: Roster): Wishes | null {
    const gathered = this.#wishList.gather(roster);
    if (!gathered) return null;
    const isActive = (p: number, cfg: number): boolean => (this.#active.get(p) ?? 0) >= cfg;
    const { keepingMembersMax } = this.#core.options;
    return { ...gathered, isActive, isLive: (no) => this.#attendance.isLive(no), keepingMembersMax };
  }

  /** Told once; it goes on being one that leaves, so that it never asks to be let in again. */
  gone(cluster: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
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
