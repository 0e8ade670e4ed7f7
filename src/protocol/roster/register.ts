/**
 * The register that decides the next roster: single-decree Paxos among the deciders of the present epoch.
 * Both sides of it: a decider that promises and accepts, and one that proposes. One register an epoch; what
 * is decided in it is membership.ts's business to adopt and to spread.
 */
import { compareBallots, isSameBallot, majorityOf } from "../model/ballot.ts";
import type { Context } from "../context/context.ts";
import type {
  RosterAcceptedMessage,
  RosterAcceptMessage,
  RosterPrepareMessage,
  RosterPromiseMessage,
} from "../model/messages.ts";
import type { AcceptedRoster, Ballot, MemberNo, Roster } from "../model/types.ts";

interface Proposal {
  readonly ballot: Ballot;
  /** What is proposed if nothing was accepted before. */
  readonly wanted: Roster;
  value: Roster | null;
  readonly yes: Set<MemberNo>;
  highest: AcceptedRoster | null;
  sentMs: number;
  readonly sinceMs: number;
}

export interface RegisterPort {
  /** A majority accepted it: this is the next roster. */
  decided(roster: Roster): void;
  /** A decider hears a member that the roster evicts. */
  contested(): void;
  /** May this decider accept a roster that nobody accepted yet? */
  isAcceptable(roster: Roster): boolean;
}

export class RosterRegister {
  readonly #context: Context;
  readonly #port: RegisterPort;
  #promised: Ballot | null = null;
  #accepted: AcceptedRoster | null = null;
  #acceptedMs = 0;
  #proposal: Proposal | null = null;
  #pauseUntilMs = 0;

  constructor(context: Context, port: RegisterPort) {
    this.#context = context;
    this.#port = port;
  }

  get #epoch(): number {
    return this.#context.roster!.epoch;
  }

  get #deciders(): readonly MemberNo[] {
    return this.#context.roster!.deciders;
  }

  /** The vote of an earlier life. */
  restore(epoch: number, promised: Ballot, accepted: AcceptedRoster | null): void {
    if (this.#context.roster?.epoch !== epoch) return;
    this.#promised = promised;
    this.#accepted = accepted;
    this.#context.see(promised);
  }

  /** A new epoch: a new register. */
  reset(): void {
    this.#promised = null;
    this.#accepted = null;
    this.#proposal = null;
  }

  get isOpen(): boolean {
    return this.#proposal !== null || this.#accepted !== null;
  }

  get isBusy(): boolean {
    return this.#proposal !== null || this.#context.clock.monoMs < this.#pauseUntilMs;
  }

  /** Something was accepted here and nobody brought it to its end: its proposer may have died. */
  get orphan(): Roster | null {
    const { monoMs } = this.#context.clock;
    const patienceMs = 2 * this.#context.options.electionMs;
    return this.#accepted && monoMs - this.#acceptedMs > patienceMs ? this.#accepted.roster : null;
  }

  propose(wanted: Roster): void {
    const { monoMs } = this.#context.clock;
    const ballot = this.#context.nextBallot(this.#epoch);
    this.#proposal = {
      ballot,
      wanted,
      value: null,
      yes: new Set(),
      highest: null,
      sentMs: monoMs,
      sinceMs: monoMs,
    };
    this.#ask(this.#proposal);
  }

  #ask({ ballot, value, yes, highest }: Proposal): void {
    const isFresh = highest === null;
    for (const no of this.#deciders) {
      if (yes.has(no)) continue;
      if (value === null) this.#context.send(no, { type: "rosterPrepare", ballot });
      else this.#context.send(no, { type: "rosterAccept", ballot, isFresh, roster: value });
    }
  }

  tick(): void {
    const proposal = this.#proposal;
    if (!proposal) return;
    const { monoMs } = this.#context.clock;
    const { resendMs, electionMs } = this.#context.options;
    if (monoMs - proposal.sinceMs > 4 * electionMs) this.#giveUp();
    else if (monoMs - proposal.sentMs >= resendMs) {
      proposal.sentMs = monoMs;
      this.#ask(proposal);
    }
  }

  #giveUp(): void {
    this.#proposal = null;
    const { electionMs } = this.#context.options;
    this.#pauseUntilMs = this.#context.clock.monoMs + this.#context.jitterMs(electionMs);
  }

  // ---- decider --------------------------------------------------------------------------------------------

  onPrepare(from: MemberNo, { ballot }: RosterPrepareMessage): void {
    const ok = compareBallots(ballot, this.#promised) > 0;
    if (ok) this.#vote(ballot, this.#accepted);
    const promised = this.#promised!;
    this.#context.send(from, { type: "rosterPromise", ballot, ok, promised, accepted: this.#accepted });
  }

  onAccept(from: MemberNo, { ballot, isFresh, roster }: RosterAcceptMessage): void {
    let answer: RosterAcceptedMessage["answer"] = "accepted";
    if (compareBallots(ballot, this.#promised) < 0) answer = "promised";
    else if (isFresh && !this.#port.isAcceptable(roster)) answer = "heard";
    else if (!isSameBallot(ballot, this.#accepted?.ballot ?? null)) {
      this.#acceptedMs = this.#context.clock.monoMs;
      this.#vote(ballot, { ballot, roster });
    }
    const promised = this.#promised ?? ballot;
    this.#context.send(from, { type: "rosterAccepted", ballot, answer, promised });
  }

  /** Durable before the answer leaves. */
  #vote(promised: Ballot, accepted: AcceptedRoster | null): void {
    this.#promised = promised;
    this.#accepted = accepted;
    this.#context.persist({ type: "vote", epoch: this.#epoch, promised, accepted });
  }

  // ---- proposer -------------------------------------------------------------------------------------------

  onPromise(from: MemberNo, message: RosterPromiseMessage): void {
    const proposal = this.#proposal;
    this.#context.see(message.promised);
    if (!proposal || proposal.value !== null || !isSameBallot(proposal.ballot, message.ballot)) return;
    if (!message.ok) {
      // the answer to a repeated question
      if (!isSameBallot(message.promised, proposal.ballot)) return this.#giveUp();
    }
    if (!this.#deciders.includes(from)) return;
    proposal.yes.add(from);
    const { accepted } = message;
    if (accepted && compareBallots(accepted.ballot, proposal.highest?.ballot ?? null) > 0) {
      proposal.highest = accepted;
    }
    if (proposal.yes.size < majorityOf(this.#deciders.length)) return;
    proposal.value = proposal.highest?.roster ?? proposal.wanted;
    proposal.yes.clear();
    proposal.sentMs = this.#context.clock.monoMs;
    this.#ask(proposal);
  }

  onAccepted(from: MemberNo, message: RosterAcceptedMessage): void {
    const proposal = this.#proposal;
    this.#context.see(message.promised);
    if (!proposal?.value || !isSameBallot(proposal.ballot, message.ballot)) return;
    if (message.answer !== "accepted") {
      if (message.answer === "heard") this.#port.contested();
      return this.#giveUp();
    }
    if (!this.#deciders.includes(from)) return;
    proposal.yes.add(from);
    if (!this.isDecidedBy(proposal.yes.size)) return;
    const { value } = proposal;
    this.#proposal = null;
    this.#port.decided(value);
  }

  isDecidedBy(acceptedCount: number): boolean {
    return acceptedCount >= majorityOf(this.#deciders.length);
  }
}
