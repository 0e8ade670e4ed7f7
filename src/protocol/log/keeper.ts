/**
 * One configuration of one partition at one of its keepers: what it promises, the follower's side of
 * replication, its end by a seal (reconfiguration.ts). Raft's rules with ballots for terms, a pre-vote,
 * loyalty to a steward that is still heard. Standing for the reign: election.ts. While this node reigns:
 * term.ts.
 */
import type { Core } from "../context/context.ts";
import type { Sessions } from "../context/liveness.ts";
import { compareBallots, compareLogEnds, isSameBallot } from "../model/ballot.ts";
import type { PersistRecord } from "../model/contract.ts";
import type {
  AppendMessage,
  InheritMessage,
  PrepareMessage,
  PromiseMessage,
  SealMessage,
  SnapshotMessage,
  TransferMessage,
} from "../model/messages.ts";
import { type Ballot, FOUNDING_EPOCH, type Image, type LogEnd, type MemberNo } from "../model/types.ts";
import { decodeState, encodeState } from "../wire/snapshots.ts";
import { Election } from "./election.ts";
import { type Place, Seal } from "./reconfiguration.ts";
import { EMPTY_LOG, Replica } from "./replica.ts";
import { SnapshotIntake } from "./snapshot-transfer.ts";
import { type Office, Reign } from "./term.ts";

export class Keeper {
  readonly p: number;
  readonly cfg: number;
  readonly keepers: readonly MemberNo[];
  readonly place: Place;
  readonly replica: Replica = new Replica();
  readonly election: Election;
  reign: Reign | null = null;
  /** The copy is whole: part of one says nothing. Durable, never taken back. */
  isInstalled: boolean;
  /** No silence counts from before. */
  installedAtMs: number;
  /** Once it is sealed nothing is promised, appended or vouched any more. Durable. */
  readonly seal: Seal;
  /** Up to where this log is known to match the steward's of that ballot. */
  #matched: { ballot: Ballot; index: number } | null = null;
  readonly #intake: SnapshotIntake;
  #heardStewardMs = -Infinity;
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #open: (reign: Reign) => Office;

  /** `open`: what the steward does for others. */
  constructor(core: Core, sessions: Sessions, place: Place, open: (reign: Reign) => Office) {
    this.#core = core;
    this.#sessions = sessions;
    this.#open = open;
    this.place = place;
    this.p = place.p;
    const { epoch, keepers } = place.chain.at(-1)!;
    this.cfg = epoch;
    this.keepers = keepers;
    this.isInstalled = epoch === FOUNDING_EPOCH;
    this.installedAtMs = core.clock.monoMs;
    this.seal = new Seal(core, this);
    this.#intake = new SnapshotIntake(core, this);
    this.election = new Election(core, this);
  }

  get isReigning(): boolean {
    return this.reign !== null;
  }
  get isSealed(): boolean {
    return this.seal.by.length > 0;
  }
  /** Vouches, votes and serves. */
  get isServing(): boolean {
    return this.isInstalled && !this.isSealed;
  }

  tick(): void {
    if (isCompactionDue(this.#core, this.replica)) compact(this.#core, this);
    const reign = this.reign;
    if (reign) {
      if (reign.hasLostMajority()) this.stepDown();
      else reign.tick();
      return;
    }
    if (this.isSealed) return;
    this.election.tick();
    this.replica.trimExcess(this.#core.logLimits);
  }

  /** The steward's connection closed: do not wait for its silence to grow. */
  stewardGone(): void {
    this.#heardStewardMs = -Infinity;
    this.election.soon();
  }

  /** The loop of this node stood still: nobody is to blame for the silence. */
  forgive(gapMs: number): void {
    this.election.atMs += gapMs;
    this.reign?.forgive(gapMs);
  }

  /** What refuses lower ballots: a promise, or the seal, which is above all ballots of this configuration. */
  get #bar(): Ballot | null {
    if (!this.isSealed) return this.replica.promised;
    return { cfg: this.cfg + 1, counter: 0, node: this.#core.self, boot: this.#core.options.boot };
  }

  /** Hears that `ballot` reigns. Returns the higher ballot promised if that reign is over. */
  heardReign(ballot: Ballot, commit: number): Ballot | null {
    const bar = this.#bar;
    if (compareBallots(ballot, bar) < 0) return bar;
    this.#heard();
    if (this.#matched && isSameBallot(this.#matched.ballot, ballot)) {
      this.replica.commitTo(Math.min(commit, this.#matched.index));
    }
    return null;
  }

  #heard(): void {
    this.#heardStewardMs = this.#core.clock.monoMs;
    this.election.heardSteward();
  }

  stepDown(): void {
    this.reign?.end();
    this.reign = null;
    this.election.postpone();
  }

  /** Gives the reign up in good order: the keeper with the longest log takes over. */
  resign(): void {
    const reign = this.reign;
    if (!reign) return;
    const heir = reign.bestFollower();
    if (heir !== undefined) this.#core.send(heir, { type: "transfer", p: this.p, ballot: reign.ballot });
    this.stepDown();
  }

  onTransfer(_from: MemberNo, message: TransferMessage): void {
    if (compareBallots(message.ballot, this.#bar) >= 0) this.election.stand(false);
  }

  // ---- promises ------------------------------------------------------------------------------------------

  onPrepare(from: MemberNo, message: PrepareMessage): void {
    const { p, ballot, pre } = message;
    const promised = this.#bar;
    const answer = this.#answerTo(from, message);
    if (answer === "granted" && !pre) {
      if (!isSameBallot(ballot, promised)) this.promise(ballot);
      this.election.postpone();
    }
    if (answer === "ahead" && !this.reign && !this.#isLoyal(from)) this.election.soon();
    this.#core.send(from, { type: "promise", p, ballot, pre, answer, promised });
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

  /** Only a log that holds all that may be chosen can be crowned. */
  isAhead(end: LogEnd): boolean {
    return compareLogEnds(this.votingEnd, end) > 0;
  }

  #isLoyal(from: MemberNo): boolean {
    if (from === this.#core.self) return false;
    return this.reign !== null ||
      this.#core.clock.monoMs - this.#heardStewardMs < this.#core.options.electionMs;
  }

  /** Durable before the answer leaves: nothing below is promised or appended any more. */
  promise(ballot: Ballot): void {
    this.replica.promised = ballot;
    this.#core.persist({ type: "promise", p: this.p, ballot });
    if (this.reign && compareBallots(ballot, this.reign.ballot) > 0) this.stepDown();
    this.election.outbid(ballot);
  }

  crown(ballot: Ballot): void {
    this.#intake.drop();
    this.#core.observer?.crowned(this.p, ballot, this.replica.end);
    this.reign = new Reign(this.#core, this, ballot, this.#open);
    this.reign.begin();
    if (!this.isInstalled) this.#install();
  }
  #install(): void {
    this.isInstalled = true;
    this.installedAtMs = this.#core.clock.monoMs;
    this.#core.persist({ type: "install", p: this.p, cfg: this.cfg });
  }

  // ---- follower ------------------------------------------------------------------------------------------

  onAppend(from: MemberNo, message: AppendMessage): void {
    if (!this.#follow(from, message.ballot)) return;
    const { p, ballot, prevIndex, entries } = message;
    if (this.replica.lastIndex === 0 && prevIndex > 0) this.#inherit();
    const merged = this.replica.merge(prevIndex, message.prevBallot, entries);
    if (!merged) {
      const { commit, lastIndex } = this.replica;
      const index = prevIndex > lastIndex ? lastIndex : commit;
      this.#core.send(from, { type: "appendReply", p, ballot, ok: false, index, silences: [] });
      return;
    }
    if (merged.added.length > 0) {
      const { cfg } = this;
      this.#core.persist({ type: "append", p, cfg, prevIndex: merged.at, entries: merged.added });
    }
    this.#matches(from, message, prevIndex + entries.length);
    this.replica.raiseFloor(message.floor);
    this.replica.commitTo(Math.min(message.commit, this.#matched!.index));
  }

  /** Begins with its own old copy: a prefix that the steward's log may match, and no more than that. */
  #inherit(): void {
    for (const old of this.place.predecessors()) {
      if (!old.isInstalled) continue;
      this.adopt(old.replica.image());
      return;
    }
  }

  /** Begins with a copy from an earlier configuration. */
  adopt(image: Image): void {
    const { p, cfg } = this;
    this.replica.adopt(image);
    const { end, tail } = image;
    const state = encodeState(image.state);
    this.replica.imageBytes = state.length;
    this.#core.persist({ type: "snapshot", p, cfg, end, state });
    if (tail.length > 0) {
      this.#core.persist({ type: "append", p, cfg, prevIndex: end.index, entries: tail });
    }
  }

  /** Everything up to `index` is as the steward has it. */
  #matches(steward: MemberNo, message: { ballot: Ballot; first: number }, index: number): void {
    const known = this.#matched;
    const { ballot } = message;
    const same = known !== null && isSameBallot(known.ballot, ballot);
    this.#matched = { ballot, index: same ? Math.max(known.index, index) : index };
    if (!this.isInstalled && this.isWhole(this.#matched.index, message.first)) this.#install();
    const silences = this.#sessions.silences(this.replica.tasks, this.silenceFloorMs);
    this.#core.send(steward, { type: "appendReply", p: this.p, ballot, ok: true, index, silences });
  }

  /** With the whole base and the reign's first entry. */
  isWhole(index: number, first: number): boolean {
    return index >= first;
  }

  /** Silence that a keeper did not hear itself is none. */
  get silenceFloorMs(): number {
    return this.isInstalled ? this.installedAtMs : this.#core.clock.monoMs;
  }

  #follow(from: MemberNo, ballot: Ballot): boolean {
    const bar = this.#bar;
    const order = compareBallots(ballot, bar);
    if (order < 0) {
      this.#core.send(from, { type: "refuse", p: this.p, ballot, promised: bar! });
      return false;
    }
    if (order > 0) this.promise(ballot);
    this.#heard();
    return true;
  }

  onSnapshot(from: MemberNo, message: SnapshotMessage): void {
    if (!this.#follow(from, message.ballot)) return;
    if (this.replica.lastIndex === 0) this.#inherit();
    const index = this.#intake.take(from, message);
    if (index > 0) this.#matches(from, message, index);
  }

  onRefuse(ballot: Ballot, promised: Ballot): void {
    this.#core.see(promised);
    if (this.reign && isSameBallot(this.reign.ballot, ballot) && compareBallots(promised, ballot) > 0) {
      this.stepDown();
      this.election.again();
    }
  }

  // ---- the end of this configuration ---------------------------------------------------------------------

  onSeal(from: MemberNo, message: SealMessage): void {
    if (this.seal.take(from, message) && this.reign) this.stepDown();
  }

  onFetch(from: MemberNo, message: InheritMessage): void {
    if (this.isSealed && this.isInstalled) this.seal.hand(from, message);
  }
}

/**
 * Keeps what a store holds of a partition bounded: now and then it gets the state as of the last chosen
 * entry, and may forget the entries before. What the state costs is paid by as many bytes of entries.
 */
export function isCompactionDue({ options }: Core, replica: Replica): boolean {
  return replica.imageDebtBytes > Math.max(options.compactBytes, replica.imageBytes);
}

export function compact(core: Core, keeper: { p: number; cfg: number; replica: Replica }): void {
  const { p, cfg, replica } = keeper;
  const { end, state } = replica.chosenState();
  const bytes = encodeState(state);
  replica.imageDebtBytes = 0;
  replica.imageBytes = bytes.length;
  core.persist({ type: "compact", p, cfg, end, state: bytes });
}

// ---- what was durable -------------------------------------------------------------------------------------
// Rebuilds a keeper's copy of a partition from what it made durable.

export type KeeperRecord = Extract<
  PersistRecord,
  { readonly type: "promise" | "append" | "snapshot" | "compact" | "install" | "seal" }
>;

/** Applies one durable record, in the order in which they were written. */
export function restoreKeeper(keeper: Keeper, record: KeeperRecord): void {
  const { replica } = keeper;
  switch (record.type) {
    case "promise":
      replica.promised = record.ballot;
      return;
    case "append": {
      // what a later image holds was appended before it
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
      replica.imageBytes = record.state.length;
      return;
    case "compact":
      // in memory the log need not begin later; in a store it comes first
      if (replica.lastIndex < record.end.index) replica.install(record.end, decodeState(record.state));
      replica.imageBytes = record.state.length;
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
