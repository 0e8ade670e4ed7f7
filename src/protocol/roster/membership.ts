/**
 * Who belongs to the cluster: lets nodes in and out, evicts the silent, and has every change decided by the
 * deciders after the plan of next-roster.ts. One decider proposes in quiet times; that two do at once is
 * safe. Changes are gathered for a moment, so that a wave of joins is a few epochs.
 *
 * The room `roster` decides who belongs. It may touch `model` and `context`; lifecycle.ts, above the rooms,
 * makes keepers of what it decides.
 * Next: register.ts (the vote), next-roster.ts (the plan), pending-changes.ts and failure-detector.ts (what
 * goes into it), joining.ts and founding.ts (how a node gets into a cluster).
 */
import { FailureDetector } from "./failure-detector.ts";
import type { Context } from "../context/context.ts";
import type { JoinMessage, LeaveMessage, RosterAcceptMessage } from "../model/messages.ts";
import type { RosterPrepareMessage } from "../model/messages.ts";
import { type Changes, nextRoster } from "./next-roster.ts";
import { RosterRegister } from "./register.ts";
import type { Liveness } from "../context/liveness.ts";
import type { MemberNo, NodeId, Roster } from "../model/types.ts";
import { PendingChanges } from "./pending-changes.ts";

/** Between two epochs. */
const EPOCH_GAP_MS = 1000;
/** As long as so many partitions are on their way, chains are cut now and then only. */
const CUT_EVERY_MS = 5000;
const GREET_EVERY_MS = 3000;

export interface MembershipPort {
  /** The next roster is decided: it may have no place for this node. */
  follow(roster: Roster): void;
  /** Nothing is recorded here: a founder of one may yield. */
  isEmpty(): boolean;
}

export class Membership {
  readonly register: RosterRegister;
  /** Wants to leave for good; null: it does not. */
  #leaving: Pick<LeaveMessage, "isPatient"> | null = null;
  readonly #context: Context;
  readonly #failureDetector: FailureDetector;
  readonly #pendingChanges: PendingChanges;
  readonly #port: MembershipPort;
  /** Per partition, the newest configuration that is known to serve. */
  readonly #active: Map<number, number> = new Map();
  readonly #sentMsByNo: Map<MemberNo, number> = new Map();
  #epochMs = -Infinity;
  #leaveSentMs = -Infinity;
  #greetedMs = -Infinity;
  #wasSettled = false;
  #isGone = false;

  constructor(context: Context, liveness: Liveness, port: MembershipPort) {
    this.#context = context;
    this.#failureDetector = new FailureDetector(context, liveness);
    this.#pendingChanges = new PendingChanges(context, this.#failureDetector);
    this.#port = port;
    this.register = new RosterRegister(context, {
      decided: (roster) => this.#decided(roster),
      contested: () => this.#pendingChanges.contested(),
      isAcceptable: (roster) => this.isAcceptable(roster),
    });
  }

  get isLeaving(): boolean {
    return this.#leaving !== null;
  }

  /** Who is in a hurry once stays so. */
  leave(isPatient: boolean): void {
    this.#leaving = { isPatient: isPatient && (this.#leaving?.isPatient ?? true) };
  }

  get #nowMs(): number {
    return this.#context.clock.monoMs;
  }

  /** The engine has adopted the roster. */
  adopted(roster: Roster): void {
    this.register.reset();
    this.#epochMs = this.#nowMs;
    this.#wasSettled = this.isSettled;
    this.#failureDetector.adopted(roster);
    this.#pendingChanges.adopted(roster);
  }

  /** This node is in no cluster any more. */
  reset(): void {
    this.#active.clear();
    this.#failureDetector.reset();
    this.#pendingChanges.reset();
    this.register.reset();
  }

  noteActive(p: number, cfg: number): void {
    if (cfg > (this.#active.get(p) ?? 0)) this.#active.set(p, cfg);
  }

  addStall(gapMs: number): void {
    this.#failureDetector.addStall(gapMs);
  }

  // ---- asked by others ------------------------------------------------------------------------------------

  /** To any member; who does not decide passes it on. */
  onJoin(from: NodeId, message: JoinMessage): void {
    const { candidate } = message;
    const roster = this.#context.roster!;
    if (candidate.id === from) this.#context.sendToId(from, this.#rosterMessage(roster));
    if (!roster.deciders.includes(this.#context.self)) {
      if (candidate.id !== from) return;
      for (const no of roster.deciders) this.#context.send(no, message);
      return;
    }
    const reason = this.#pendingChanges.join(candidate);
    if (reason !== "") this.#context.sendToId(from, { type: "joinRefused", id: candidate.id, reason });
  }

  onLeave(message: LeaveMessage): void {
    this.#pendingChanges.leave(message);
  }

  /** A member knows an older roster only. */
  isBehind(no: MemberNo): void {
    if (this.#nowMs - (this.#sentMsByNo.get(no) ?? -Infinity) < this.#context.options.resendMs) return;
    this.#sentMsByNo.set(no, this.#nowMs);
    this.#context.send(no, this.#rosterMessage(this.#context.roster!));
  }

  #rosterMessage(roster: Roster): { type: "roster"; roster: Roster; isSettled: boolean } {
    return { type: "roster", roster, isSettled: this.isSettled };
  }

  /** It yields to no other cluster. */
  get isSettled(): boolean {
    const { roster } = this.#context;
    return roster !== null && (roster.members.length > 1 || !this.#port.isEmpty());
  }

  /** The founder of one has recorded something: from now on it yields to nobody. */
  #announceSettled(roster: Roster): void {
    if (this.#wasSettled || !this.isSettled) return;
    this.#wasSettled = true;
    this.#context.event({ type: "roster", roster, isSettled: true });
  }

  /** Peers that are no members, or do not know yet that they are none. */
  #greetStrangers(): void {
    if (this.#nowMs - this.#greetedMs < GREET_EVERY_MS) return;
    this.#greetedMs = this.#nowMs;
    for (const id of this.#context.connected) if (this.#context.noOf(id) < 0) this.greet(id);
  }

  /** Greets a peer that is no member. */
  greet(id: NodeId): void {
    this.#context.sendToId(id, this.#rosterMessage(this.#context.roster!));
  }

  // ---- the register ---------------------------------------------------------------------------------------

  onPrepare(from: MemberNo, message: RosterPrepareMessage): void {
    if (this.#isOfThisEpoch(from, message)) this.register.onPrepare(from, message);
  }

  onAccept(from: MemberNo, message: RosterAcceptMessage): void {
    if (this.#isOfThisEpoch(from, message)) this.register.onAccept(from, message);
  }

  #isOfThisEpoch(from: MemberNo, message: RosterPrepareMessage | RosterAcceptMessage): boolean {
    const { epoch, deciders } = this.#context.roster!;
    if (message.ballot.cfg < epoch) this.isBehind(from);
    return message.ballot.cfg === epoch && deciders.includes(this.#context.self);
  }

  /** A decider refuses to evict whom it hears, unless that member wants it. */
  isAcceptable(next: Roster): boolean {
    const roster = this.#context.roster!;
    if (next.epoch !== roster.epoch + 1 || next.cluster !== roster.cluster) return false;
    const { leaseTtlMs } = this.#context.options;
    return next.members.every(({ no, leaving }) => {
      const before = this.#context.memberByNo.get(no);
      if (!leaving || !before || before.leaving) return true;
      return this.#pendingChanges.wantsToLeave(no) || this.#failureDetector.isSilent(no, leaseTtlMs);
    });
  }

  #decided(roster: Roster): void {
    const before = [...this.#context.memberByNo.values()].map((member) => member.id);
    const now = roster.members.map((member) => member.id);
    // those who are members no more must hear of it, too
    for (const id of new Set([...before, ...now])) {
      this.#context.sendToId(id, { type: "roster", roster, isSettled: true });
    }
    this.#port.follow(roster);
  }

  // ---- proposing ------------------------------------------------------------------------------------------

  tick(): void {
    const roster = this.#context.roster!;
    if (this.#leaving) this.#askToLeave(roster, this.#leaving.isPatient);
    this.#greetStrangers();
    this.#announceSettled(roster);
    if (!roster.deciders.includes(this.#context.self)) return;
    this.register.tick();
    if (this.register.isBusy || this.#nowMs - this.#epochMs < EPOCH_GAP_MS) return;
    const { orphan } = this.register;
    if (orphan) return this.register.propose(orphan);
    if (!this.#isProposer(roster)) return;
    const changes = this.#changes(roster);
    if (!changes) return;
    const next = nextRoster(roster, changes);
    if (next && (this.#hasNewChange(changes) || this.#isWorthIt(roster, next))) this.register.propose(next);
  }

  #hasNewChange({ joins, leaves }: Changes): boolean {
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
      if (no === this.#context.self) return true;
      if (this.#failureDetector.isLive(no)) return false;
    }
    return false;
  }

  #changes(roster: Roster): Changes | null {
    const gathered = this.#pendingChanges.gather(roster);
    if (!gathered) return null;
    const isActive = (p: number, cfg: number): boolean => (this.#active.get(p) ?? 0) >= cfg;
    const { keepingMembersMax } = this.#context.options;
    return { ...gathered, isActive, isLive: (no) => this.#failureDetector.isLive(no), keepingMembersMax };
  }

  /** Sent once; it goes on being one that leaves, so that it never asks to be let in again. */
  gone(cluster: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#context.event({ type: "left", cluster, why: "left" });
  }

  #askToLeave(roster: Roster, isPatient: boolean): void {
    const { self, options } = this.#context;
    if (this.#context.memberByNo.get(self)?.leaving) return;
    // the last one waits until the others have left, or until one of them is to stay
    if (roster.members.length === 1) return this.gone(roster.cluster);
    if (this.#nowMs - this.#leaveSentMs < options.resendMs) return;
    this.#leaveSentMs = this.#nowMs;
    for (const no of roster.deciders) this.#context.send(no, { type: "leave", no: self, isPatient });
  }
}
