/**
 * A keeper that stands for election: when, the pre-vote, the real vote, and before the first term of a
 * configuration its reconfiguration from the one before (reconfiguration.ts). Who answers what: keeper.ts.
 */
import { compareBallots, isSameBallot, majorityOf } from "../model/ballot.ts";
import type { Context } from "../context/context.ts";
import { Reconfiguration, type Successor } from "./reconfiguration.ts";
import type { Message } from "../model/messages.ts";
import type { CopyChunkMessage, PromiseMessage, SealedMessage } from "../model/messages.ts";
import type { Ballot, LogEnd, MemberNo } from "../model/types.ts";

/** The keeper that stands. */
export interface Stander extends Successor {
  readonly cfg: number;
  readonly voters: readonly MemberNo[];
  readonly isInstalled: boolean;
  readonly votingEnd: LogEnd;
  readonly replica: { readonly promised: Ballot | null };
  elect(ballot: Ballot): void;
}

interface Candidacy {
  readonly ballot: Ballot;
  pre: boolean;
  readonly granted: Set<MemberNo>;
  /** A majority promised, and the copy of the configuration before is on its way. */
  reconfiguration: Reconfiguration | null;
  askedMs: number;
}

export class Election {
  #atMs = Infinity;
  readonly #context: Context;
  readonly #keeper: Stander;
  readonly #rank: number;
  #candidacy: Candidacy | null = null;

  constructor(context: Context, keeper: Stander) {
    this.#context = context;
    this.#keeper = keeper;
    this.#rank = keeper.voters.indexOf(context.self);
    const { electionMs } = context.options;
    const rank = this.#firstRank();
    this.atMs = context.clock.monoMs + rank * electionMs / 2 + context.jitterMs(electionMs / 10);
  }

  /** When to stand unless a steward is heard before. */
  get atMs(): number {
    return this.#atMs;
  }
  set atMs(ms: number) {
    this.#atMs = ms;
    if (ms < this.#context.standMs) this.#context.standMs = ms;
  }

  get #nowMs(): number {
    return this.#context.clock.monoMs;
  }

  /** In a new configuration whoever has a copy already comes first, above all the present steward. */
  #firstRank(): number {
    const before = this.#keeper.place.chain.at(-2);
    if (!before) return this.#rank;
    const { voters: keepers } = this.#keeper;
    const remaining = keepers.filter((no) => before.keepers.includes(no));
    for (const old of this.#keeper.place.predecessors()) if (old.isSteward) return 0;
    const at = remaining.indexOf(this.#context.self);
    return at >= 0 ? at + 1 : remaining.length + 1 + this.#rank;
  }

  tick(): void {
    if (this.#candidacy?.reconfiguration) this.#reconfigure(this.#candidacy);
    else if (this.#nowMs >= this.atMs) {
      if (this.#keeper.place.mayStand()) this.stand(true);
      else this.atMs = this.#nowMs + this.#context.jitterMs(this.#context.options.electionMs / 4);
    }
  }

  /** The copy is still on its way: keeps those who promised from standing themselves. */
  #reconfigure(candidacy: Candidacy): void {
    if (this.#nowMs - candidacy.askedMs >= this.#context.options.resendMs) {
      this.#ask(candidacy);
      candidacy.reconfiguration!.tick();
    }
  }

  get isStanding(): boolean {
    return this.#candidacy !== null;
  }

  soon(): void {
    const { electionMs } = this.#context.options;
    const soonMs = this.#nowMs + this.#rank * electionMs / 20 + this.#context.jitterMs(electionMs / 20);
    if (soonMs < this.atMs) this.atMs = soonMs;
  }

  heardSteward(): void {
    const { electionMs } = this.#context.options;
    this.atMs = this.#nowMs + electionMs + this.#rank * electionMs / 4 +
      this.#context.jitterMs(electionMs / 4);
    this.#candidacy = null;
  }

  /** Somebody else is at it. */
  postpone(): void {
    this.atMs = this.#nowMs + this.#context.options.electionMs + this.#context.jitterMs(500);
  }

  /** Deposed, perhaps by accident. */
  again(): void {
    this.atMs = this.#nowMs + this.#context.jitterMs(this.#context.options.electionMs / 8);
  }

  withdraw(): void {
    this.#candidacy = null;
  }

  outbid(ballot: Ballot): void {
    if (this.#candidacy && compareBallots(ballot, this.#candidacy.ballot) > 0) this.#candidacy = null;
  }

  stand(pre: boolean): void {
    const { electionMs } = this.#context.options;
    const ballot = this.#context.nextBallot(this.#keeper.cfg);
    this.atMs = this.#nowMs + electionMs / 2 + this.#context.jitterMs(electionMs / 2);
    this.#candidacy = { ballot, pre, granted: new Set(), reconfiguration: null, askedMs: 0 };
    this.#ask(this.#candidacy);
  }

  #ask(candidacy: Candidacy): void {
    const { ballot, pre } = candidacy;
    const { p, voters: keepers, votingEnd: end } = this.#keeper;
    candidacy.askedMs = this.#nowMs;
    const message: Message = { type: "prepare", p, ballot, pre, end };
    for (const keeper of keepers) this.#context.send(keeper, message);
  }

  onPromise(from: MemberNo, message: PromiseMessage): void {
    const candidacy = this.#candidacy;
    this.#context.see(message.promised);
    this.#context.wallClocks.note(from, message.wallMs);
    if (!candidacy || !isSameBallot(candidacy.ballot, message.ballot) || candidacy.pre !== message.pre) {
      return;
    }
    const { answer } = message;
    if (answer === "promised" || (answer === "ahead" && candidacy.reconfiguration)) {
      this.#candidacy = null;
      this.atMs = this.#nowMs + this.#context.jitterMs(this.#context.options.electionMs / 4);
      return;
    }
    if (answer !== "granted" || candidacy.reconfiguration || !this.#keeper.voters.includes(from)) return;
    candidacy.granted.add(from);
    if (candidacy.granted.size < majorityOf(this.#keeper.voters.length)) return;
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
      this.#keeper.elect(candidacy.ballot);
      return;
    }
    candidacy.reconfiguration = new Reconfiguration(this.#context, this.#keeper, candidacy.ballot);
    candidacy.reconfiguration.begin();
    this.#electWhenReconfigured();
  }

  onSealed(from: MemberNo, message: SealedMessage): void {
    this.#candidacy?.reconfiguration?.onSealed(from, message);
    this.#electWhenReconfigured();
  }

  onCopyChunk(from: MemberNo, message: CopyChunkMessage): void {
    this.#candidacy?.reconfiguration?.onCopyChunk(from, message);
    this.#electWhenReconfigured();
  }

  #electWhenReconfigured(): void {
    const candidacy = this.#candidacy;
    if (!candidacy?.reconfiguration?.isDone) return;
    this.#candidacy = null;
    this.#keeper.elect(candidacy.ballot);
  }
}
