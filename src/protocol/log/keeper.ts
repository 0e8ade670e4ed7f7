/**
 * One configuration of one partition at one of its keepers: what it promises, the follower's side of
 * replication, its end by a seal. Raft's rules, with ballots for its terms: a pre-vote, loyalty to a steward
 * that is still heard.
 *
 * The room `log` is one partition's replicated log. It may touch `context` and what is below, and no other
 * role: what a steward does for others comes in as the `Office` of a term.
 * Next: election.ts (standing), term.ts (while this node is the steward), replica.ts (the entries),
 * reconfiguration.ts (one configuration takes over from the one before), snapshot-transfer.ts.
 */
import type { Context } from "../context/context.ts";
import type { Liveness } from "../context/liveness.ts";
import { compareBallots, compareLogEnds, isSameBallot } from "../model/ballot.ts";
import type { PersistRecord } from "../model/contract.ts";
import type {
  AppendMessage,
  FetchCopyMessage,
  PrepareMessage,
  PromiseMessage,
  SealMessage,
  SnapshotMessage,
  TransferMessage,
} from "../model/messages.ts";
import { type Ballot, FOUNDING_EPOCH, type LogEnd, type MemberNo, type SealedCopy } from "../model/types.ts";
import { decodeState, encodeState } from "../wire/snapshots.ts";
import { Election } from "./election.ts";
import { type Place, Seal } from "./reconfiguration.ts";
import { EMPTY_LOG, Replica } from "./replica.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";
import { TimeFloor } from "./cluster-time.ts";
import { type Office, Term } from "./term.ts";

export class Keeper {
  readonly p: number;
  readonly cfg: number;
  readonly voters: readonly MemberNo[];
  readonly place: Place;
  readonly replica: Replica = new Replica();
  readonly election: Election;
  term: Term | null = null;
  /** The copy is whole: part of one says nothing. Durable, never taken back. */
  isInstalled: boolean;
  /** No silence counts from before. */
  installedAtMs: number;
  /** Once it is sealed nothing is promised, appended or vouched any more. Durable. */
  readonly seal: Seal;
  /** Up to where this log is known to match the steward's of that ballot. */
  #matched: { ballot: Ballot; index: number } | null = null;
  readonly #intake: SnapshotTransfer;
  readonly timeFloor: TimeFloor;
  #heardStewardMs = -Infinity;
  readonly #context: Context;
  readonly #liveness: Liveness;
  readonly #open: (term: Term) => Office;

  /** `open`: what the steward does for others. */
  constructor(context: Context, liveness: Liveness, place: Place, open: (term: Term) => Office) {
    this.#context = context;
    this.#liveness = liveness;
    this.#open = open;
    this.place = place;
    this.p = place.p;
    const { epoch, keepers } = place.chain.at(-1)!;
    this.cfg = epoch;
    this.voters = keepers;
    this.isInstalled = epoch === FOUNDING_EPOCH;
    this.installedAtMs = context.clock.monoMs;
    this.seal = new Seal(context, this);
    this.timeFloor = new TimeFloor(context);
    this.#intake = new SnapshotTransfer(context, this);
    this.election = new Election(context, this);
  }

  get isSteward(): boolean {
    return this.term !== null;
  }
  get isSealed(): boolean {
    return this.seal.by.length > 0;
  }
  /** Vouches, votes and serves. */
  get isServing(): boolean {
    return this.isInstalled && !this.isSealed;
  }

  tick(): void {
    if (isCompactionDue(this.#context, this.replica)) compact(this.#context, this);
    const term = this.term;
    if (term) {
      if (term.hasLostMajority()) this.stepDown();
      else term.tick();
      return;
    }
    if (this.isSealed) return;
    this.election.tick();
    this.replica.trimExcess(this.#context.logLimits);
  }

  /** The steward's connection closed: do not wait for its silence to grow. */
  stewardGone(): void {
    this.#heardStewardMs = -Infinity;
    this.election.soon();
  }

  /** The loop of this node stood still: nobody is to blame for the silence. */
  addStall(gapMs: number): void {
    this.election.atMs += gapMs;
    this.term?.addStall(gapMs);
  }

  /** What refuses lower ballots: a promise, or the seal, which is above all ballots of this configuration. */
  get #bar(): Ballot | null {
    if (!this.isSealed) return this.replica.promised;
    return { cfg: this.cfg + 1, counter: 0, node: this.#context.self, boot: this.#context.options.boot };
  }

  /** The steward of `ballot` was heard. Returns the higher ballot promised if that term is over. */
  heardTerm(ballot: Ballot, commit: number): Ballot | null {
    const bar = this.#bar;
    if (compareBallots(ballot, bar) < 0) return bar;
    this.#heard();
    if (this.#matched && isSameBallot(this.#matched.ballot, ballot)) {
      this.replica.commitTo(Math.min(commit, this.#matched.index));
    }
    return null;
  }

  #heard(): void {
    this.#heardStewardMs = this.#context.clock.monoMs;
    this.election.heardSteward();
  }

  stepDown(): void {
    if (this.term) this.#noteTime(this.term.time.nowMs);
    this.term?.end();
    this.term = null;
    this.election.postpone();
  }

  /** Gives the term up in good order: the keeper with the longest log takes over. */
  resign(): void {
    const term = this.term;
    if (!term) return;
    const successor = term.bestFollower();
    if (successor !== undefined) {
      this.#context.send(successor, { type: "transfer", p: this.p, ballot: term.ballot });
    }
    this.stepDown();
  }

  onTransfer(_from: MemberNo, message: TransferMessage): void {
    if (compareBallots(message.ballot, this.#bar) >= 0) this.election.stand(false);
  }

  // ---- promises -------------------------------------------------------------------------------------------

  onPrepare(from: MemberNo, message: PrepareMessage): void {
    const { p, ballot, pre } = message;
    const promised = this.#bar;
    const answer = this.#answerTo(from, message);
    if (answer === "granted" && !pre) {
      if (!isSameBallot(ballot, promised)) this.promise(ballot);
      this.election.postpone();
    }
    if (answer === "ahead" && !this.term && !this.#isLoyal(from)) this.election.soon();
    const { wallMs } = this.#context.clock;
    this.#context.send(from, { type: "promise", p, ballot, pre, answer, promised, wallMs });
  }

  #answerTo(from: MemberNo, message: PrepareMessage): PromiseMessage["answer"] {
    const order = compareBallots(message.ballot, this.#bar);
    // the same one again: its candidate is still at it
    if (order < 0 || (order === 0 && (message.pre || this.isInstalled))) return "promised";
    if (message.pre && this.#isLoyal(from)) return "loyal";
    if (this.isAhead(message.end)) return "ahead";
    return "granted";
  }

  /** Where the log ends, as far as it counts in elections: a copy that is not whole counts for nothing. */
  get votingEnd(): LogEnd {
    return this.isInstalled ? this.replica.end : EMPTY_LOG;
  }

  /** Only a log that holds all that may be chosen can be elected. */
  isAhead(end: LogEnd): boolean {
    return compareLogEnds(this.votingEnd, end) > 0;
  }

  #isLoyal(from: MemberNo): boolean {
    if (from === this.#context.self) return false;
    return this.term !== null ||
      this.#context.clock.monoMs - this.#heardStewardMs < this.#context.options.electionMs;
  }

  /** Durable before the answer leaves: nothing below is promised or appended any more. */
  promise(ballot: Ballot): void {
    this.replica.promised = ballot;
    this.#context.persist({ type: "promise", p: this.p, ballot });
    if (this.term && compareBallots(ballot, this.term.ballot) > 0) this.stepDown();
    this.election.outbid(ballot);
  }

  elect(ballot: Ballot): void {
    this.#intake.drop();
    this.#context.observer?.elected(this.p, ballot, this.replica.end);
    this.term = new Term(this.#context, this, ballot, this.#open);
    this.term.begin();
    if (!this.isInstalled) this.#install();
  }
  #install(): void {
    this.isInstalled = true;
    this.installedAtMs = this.#context.clock.monoMs;
    this.#context.persist({ type: "install", p: this.p, cfg: this.cfg });
  }

  // ---- follower -------------------------------------------------------------------------------------------

  onAppend(from: MemberNo, message: AppendMessage): void {
    if (!this.#follow(from, message.ballot)) return;
    const { p, ballot, prevIndex, entries } = message;
    if (this.replica.lastIndex === 0 && prevIndex > 0) this.#beginWithOwnCopy();
    const merged = this.replica.merge(prevIndex, message.prevBallot, entries);
    if (!merged) {
      const { commit, lastIndex } = this.replica;
      const index = prevIndex > lastIndex ? lastIndex : commit;
      this.#context.send(from, { type: "appendReply", p, ballot, ok: false, index, silences: [] });
      return;
    }
    if (merged.added.length > 0) {
      const { cfg } = this;
      this.#context.persist({ type: "append", p, cfg, prevIndex: merged.at, entries: merged.added });
    }
    this.#noteTime(this.replica.tasks.timeMs);
    this.#matches(from, message, prevIndex + entries.length);
    this.replica.raiseLogFloor(message.logFloor);
    this.replica.commitTo(Math.min(message.commit, this.#matched!.index));
  }

  /** Begins with its own old copy: a prefix that the steward's log may match, and no more than that. */
  #beginWithOwnCopy(): void {
    for (const old of this.place.predecessors()) {
      if (!old.isInstalled) continue;
      this.adopt(old.replica.copy());
      return;
    }
  }

  /** Begins with a copy from an earlier configuration. */
  adopt(copy: SealedCopy): void {
    const { p, cfg } = this;
    this.replica.adopt(copy);
    const { end, tail } = copy;
    const state = encodeState(copy.state);
    this.replica.snapshotBytes = state.length;
    this.#context.persist({ type: "snapshot", p, cfg, end, state });
    if (tail.length > 0) {
      this.#context.persist({ type: "append", p, cfg, prevIndex: end.index, entries: tail });
    }
  }

  /** Everything up to `index` is as the steward has it. */
  #matches(steward: MemberNo, message: { ballot: Ballot; first: number }, index: number): void {
    const known = this.#matched;
    const { ballot } = message;
    const same = known !== null && isSameBallot(known.ballot, ballot);
    this.#matched = { ballot, index: same ? Math.max(known.index, index) : index };
    if (!this.isInstalled && this.isWhole(this.#matched.index, message.first)) this.#install();
    const silences = this.#liveness.silences(this.replica.tasks, this.silenceFloorMs);
    this.#context.send(steward, { type: "appendReply", p: this.p, ballot, ok: true, index, silences });
  }

  /** With the whole base and the term's first entry. */
  isWhole(index: number, first: number): boolean {
    return index >= first;
  }

  #noteTime(timeMs: number): void {
    this.timeFloor.note(timeMs, () => this.#context.wallClocks.boundsOf(this.voters).reachedMs);
  }

  get timeFloorMs(): number {
    return Math.max(this.timeFloor.nowMs, this.replica.tasks.timeMs);
  }

  /** Silence that a keeper did not hear itself is none. */
  get silenceFloorMs(): number {
    return this.isInstalled ? this.installedAtMs : this.#context.clock.monoMs;
  }

  #follow(from: MemberNo, ballot: Ballot): boolean {
    const bar = this.#bar;
    const order = compareBallots(ballot, bar);
    if (order < 0) {
      this.#context.send(from, { type: "refuse", p: this.p, ballot, promised: bar! });
      return false;
    }
    if (order > 0) this.promise(ballot);
    this.#heard();
    return true;
  }

  onSnapshot(from: MemberNo, message: SnapshotMessage): void {
    if (!this.#follow(from, message.ballot)) return;
    if (this.replica.lastIndex === 0) this.#beginWithOwnCopy();
    const index = this.#intake.take(from, message);
    if (index > 0) this.#matches(from, message, index);
  }

  onRefuse(ballot: Ballot, promised: Ballot): void {
    this.#context.see(promised);
    if (this.term && isSameBallot(this.term.ballot, ballot) && compareBallots(promised, ballot) > 0) {
      this.stepDown();
      this.election.again();
    }
  }

  // ---- the end of this configuration ----------------------------------------------------------------------

  onSeal(from: MemberNo, message: SealMessage): void {
    if (this.seal.take(from, message) && this.term) this.stepDown();
  }

  onFetch(from: MemberNo, message: FetchCopyMessage): void {
    if (this.isSealed && this.isInstalled) this.seal.hand(from, message);
  }
}

/**
 * Keeps what a store holds of a partition bounded: now and then it gets the state as of the last chosen
 * entry, and may forget the entries before. What the state costs is paid by as many bytes of entries.
 */
export function isCompactionDue({ options }: Context, replica: Replica): boolean {
  return replica.snapshotDebtBytes > Math.max(options.compactBytes, replica.snapshotBytes);
}

export function compact(context: Context, keeper: { p: number; cfg: number; replica: Replica }): void {
  const { p, cfg, replica } = keeper;
  const { end, state } = replica.chosenState();
  const bytes = encodeState(state);
  replica.snapshotDebtBytes = 0;
  replica.snapshotBytes = bytes.length;
  context.persist({ type: "compact", p, cfg, end, state: bytes });
}

// ---- what was durable -------------------------------------------------------------------------------------
// Rebuilds a keeper's copy of a partition from what it made durable.

export type KeeperRecord = Extract<
  PersistRecord,
  { readonly type: "promise" | "append" | "snapshot" | "compact" | "install" | "seal" }
>;

/** What is made durable of a keeper. */
export interface Restorable {
  readonly replica: Replica;
  isInstalled: boolean;
  readonly seal: { by: readonly number[] };
}

/** Applies one durable record, in the order in which they were written. */
export function restoreKeeper(keeper: Restorable, record: KeeperRecord): void {
  const { replica } = keeper;
  switch (record.type) {
    case "promise":
      replica.promised = record.ballot;
      return;
    case "append": {
      // what a later snapshot holds was appended before it
      const skip = Math.max(0, replica.base.index - record.prevIndex);
      if (skip > record.entries.length) return;
      if (record.prevIndex > replica.lastIndex) {
        const { p, prevIndex } = record;
        throw new Error(`Invariant broken: p${p} is stored to ${replica.lastIndex}, then from ${prevIndex}`);
      }
      replica.cut(record.prevIndex + skip);
      for (const entry of record.entries.slice(skip)) replica.append(entry);
      return;
    }
    case "snapshot":
      replica.install(record.end, decodeState(record.state));
      replica.snapshotBytes = record.state.length;
      return;
    case "compact":
      // in memory the log need not begin later; in a store it comes first
      if (replica.lastIndex < record.end.index) replica.install(record.end, decodeState(record.state));
      replica.snapshotBytes = record.state.length;
      return;
    case "install":
      keeper.isInstalled = true;
      return;
    case "seal":
      keeper.seal.by = record.by;
      return;
    default:
      return record satisfies never;
  }
}
