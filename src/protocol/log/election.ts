/**
 * A keeper that stands for the reign: when, the pre-vote, the real vote, and before the first reign of a
 * configuration the inheritance from the one before (reconfiguration.ts). Who answers what: keeper.ts.
 */
import { compareBallots, isSameBallot, majorityOf } from "../model/ballot.ts";
import type { Core } from "../context/context.ts";
import { type Heir, Inheritance } from "./reconfiguration.ts";
import type { Message } from "../model/messages.ts";
import type { ImageMessage, PromiseMessage, SealedMessage } from "../model/messages.ts";
import type { Ballot, LogEnd, MemberNo } from "../model/types.ts";

/** The keeper that stands. */
export interface Stander extends Heir {
  readonly cfg: number;
  readonly keepers: readonly MemberNo[];
  readonly isInstalled: boolean;
  readonly votingEnd: LogEnd;
  readonly replica: { readonly promised: Ballot | null };
  crown(ballot: Ballot): void;
}

interface Candidacy {
  readonly ballot: Ballot;
  pre: boolean;
  readonly granted: Set<MemberNo>;
  /** A majority promised, and the copy of the configuration before is on its way. */
  inheritance: Inheritance | null;
  askedMs: number;
}

export class Election {
  #atMs = Infinity;
  readonly #core: Core;
  readonly #keeper: Stander;
  readonly #rank: number;
  #candidacy: Candidacy | null = null;

  constructor(core: Core, keeper: Stander) {
    this.#core = core;
    this.#keeper = keeper;
    this.#rank = keeper.keepers.indexOf(core.self);
    const { electionMs } = core.options;
    const rank = this.#firstRank();
    this.atMs = core.clock.monoMs + rank * electionMs / 2 + core.jitterMs(electionMs / 10);
  }

  /** When to stand unless a steward is heard before. */
  get atMs(): number {
    return this.#atMs;
  }
  set atMs(ms: number) {
    this.#atMs = ms;
    if (ms < this.#core.standMs) this.#core.standMs = ms;
  }

  get #nowMs(): number {
    return this.#core.clock.monoMs;
  }

  /** In a new configuration whoever has a copy already comes first, above all the present steward. */
  #firstRank(): number {
    const before = this.#keeper.place.chain.at(-2);
    if (!before) return this.#rank;
    const { keepers } = this.#keeper;
    const heirs = keepers.filter((no) => before.keepers.includes(no));
    for (const old of this.#keeper.place.predecessors()) if (old.isReigning) return 0;
    const at = heirs.indexOf(this.#core.self);
    return at >= 0 ? at + 1 : heirs.length + 1 + this.#rank;
  }

  tick(): void {
    if (this.#candidacy?.inheritance) this.#inherit(this.#candidacy);
    else if (this.#nowMs >= this.atMs) {
      if (this.#keeper.place.mayStand()) this.stand(true);
      else this.atMs = this.#nowMs + this.#core.jitterMs(this.#core.options.electionMs / 4);
    }
  }

  /** The copy is still on its way: keeps those who promised from standing themselves. */
  #inherit(candidacy: Candidacy): void {
    if (this.#nowMs - candidacy.askedMs >= this.#core.options.resendMs) {
      this.#ask(candidacy);
      candidacy.inheritance!.tick();
    }
  }

  get isStanding(): boolean {
    return this.#candidacy !== null;
  }

  soon(): void {
    const { electionMs } = this.#core.options;
    const soonMs = this.#nowMs + this.#rank * electionMs / 20 + this.#core.jitterMs(electionMs / 20);
    if (soonMs < this.atMs) this.atMs = soonMs;
  }

  heardSteward(): void {
    const { electionMs } = this.#core.options;
    this.atMs = this.#nowMs + electionMs + this.#rank * electionMs / 4 + this.#core.jitterMs(electionMs / 4);
    this.#candidacy = null;
  }

  /** Somebody else is at it. */
  postpone(): void {
    this.atMs = this.#nowMs + this.#core.options.electionMs + this.#core.jitterMs(500);
  }

  /** Deposed, perhaps by accident. */
  again(): void {
    this.atMs = this.#nowMs + this.#core.jitterMs(this.#core.options.electionMs / 8);
  }

  withdraw(): void {
    this.#candidacy = null;
  }

  outbid(ballot: Ballot): void {
    if (this.#candidacy && compareBallots(ballot, this.#candidacy.ballot) > 0) this.#candidacy = null;
  }

  stand(pre: boolean): void {
    const { electionMs } = this.#core.options;
    const ballot = this.#core.nextBallot(this.#keeper.cfg);
    this.atMs = this.#nowMs + electionMs / 2 + this.#core.jitterMs(electionMs / 2);
    this.#candidacy = { ballot, pre, granted: new Set(), inheritance: null, askedMs: 0 };
    this.#ask(this.#candidacy);
  }

  #ask(candidacy: Candidacy): void {
    const { ballot, pre } = candidacy;
    const { p, keepers, votingEnd: end } = this.#keeper;
    candidacy.askedMs = this.#nowMs;
    const message: Message = { type: "prepare", p, ballot, pre, end };
    for (const keeper of keepers) this.#core.send(keeper, message);
  }

  onPromise(from: MemberNo, message: PromiseMessage): void {
    const candidacy = this.#candidacy;
    this.#core.see(message.promised);
    if (!candidacy || !isSameBallot(candidacy.ballot, message.ballot) || candidacy.pre !== message.pre) {
      return;
    }
    const { answer } = message;
    if (answer === "promised" || (answer === "ahead" && candidacy.inheritance)) {
      this.#candidacy = null;
      this.atMs = this.#nowMs + this.#core.jitterMs(this.#core.options.electionMs / 4);
      return;
    }
    if (answer !== "granted" || candidacy.inheritance || !this.#keeper.keepers.includes(from)) return;
    candidacy.granted.add(from);
    if (candidacy.granted.size < majorityOf(this.#keeper.keepers.length)) return;
    if (candidacy.pre) {
      candidacy.pre = false;
      candidacy.granted.clear();
      this.#ask(candidacy);
    } else if (isSameBallot(this.#keeper.replica.promised, candidacy.ballot)) this.#won(candidacy);
  }

  /** A majority promised and none of it is ahead. If none of it is installed, nothing was chosen here yet. */
  #won(candidacy: Candidacy): void {
    if (this.#keeper.isInstalled) {
      this.#candidacy = null;
      this.#keeper.crown(candidacy.ballot);
      return;
    }
    candidacy.inheritance = new Inheritance(this.#core, this.#keeper, candidacy.ballot);
    candidacy.inheritance.begin();
    this.#inherited();
  }

  onSealed(from: MemberNo, message: SealedMessage): void {
    this.#candidacy?.inheritance?.onSealed(from, message);
    this.#inherited();
  }

  onImage(from: MemberNo, message: ImageMessage): void {
    this.#candidacy?.inheritance?.onImage(from, message);
    this.#inherited();
  }

  #inherited(): void {
    const candidacy = this.#candidacy;
    if (!candidacy?.inheritance?.isDone) return;
    this.#candidacy = null;
    this.#keeper.crown(candidacy.ballot);
  }
}
