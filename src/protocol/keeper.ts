/**
 * One partition at one of its keepers: elections and the follower's side of replication. Raft's rules with
 * ballots for terms, a pre-vote, and loyalty to a steward that is still heard. While this node reigns, the
 * steward's side is in reign.ts.
 */
import { compareBallots, compareLogEnds, isSameBallot, majorityOf } from "./ballot.ts";
import type { Core } from "./core.ts";
import type { Message } from "./messages.ts";
import type {
  AppendMessage,
  PrepareMessage,
  PromiseMessage,
  SnapshotMessage,
  TransferMessage,
} from "./messages-log.ts";
import { IncomingSnapshot } from "./incoming-snapshot.ts";
import { LIMITS } from "./limits.ts";
import { Reign } from "./reign.ts";
import { Replica } from "./replica.ts";
import { decodeState, type PartitionState } from "./state-codec.ts";
import type { Sessions } from "./sessions.ts";
import type { Ballot, LogEnd, MemberNo } from "./types.ts";

interface Candidacy {
  readonly ballot: Ballot;
  pre: boolean;
  readonly granted: Set<MemberNo>;
}

export class Keeper {
  readonly p: number;
  readonly cfg: number;
  readonly keepers: readonly MemberNo[];
  readonly replica: Replica = new Replica();
  reign: Reign | null = null;
  /** When to stand for election unless a steward is heard before. */
  electionAtMs = 0;
  /** The ballot under which this log is known to match the steward's, and up to where. */
  #matched: { ballot: Ballot; index: number } | null = null;
  #candidacy: Candidacy | null = null;
  #incoming: IncomingSnapshot | null = null;
  #heardStewardMs = -Infinity;
  readonly #core: Core;
  readonly #sessions: Sessions;

  constructor(core: Core, sessions: Sessions, p: number, cfg: number, keepers: readonly MemberNo[]) {
    this.#core = core;
    this.#sessions = sessions;
    this.p = p;
    this.cfg = cfg;
    this.keepers = keepers;
    const rank = keepers.indexOf(core.self);
    const { electionMs } = core.options;
    this.electionAtMs = core.clock.monoMs + rank * electionMs / 2 + core.jitterMs(electionMs / 10);
  }

  get #nowMs(): number {
    return this.#core.clock.monoMs;
  }

  tick(): void {
    const reign = this.reign;
    if (reign) {
      if (reign.hasLostMajority()) this.#stepDown();
      else reign.tick();
      return;
    }
    if (this.#nowMs >= this.electionAtMs) this.#stand(true);
    const { logEntriesMax } = this.#core.options;
    this.replica.trimExcess({ countMax: logEntriesMax, bytesMax: LIMITS.logBytesMax }, 0);
  }

  /** The steward's connection closed: do not wait for its silence to grow. */
  stewardGone(): void {
    const { electionMs } = this.#core.options;
    const rank = this.keepers.indexOf(this.#core.self);
    const soonMs = this.#nowMs + rank * electionMs / 20 + this.#core.jitterMs(electionMs / 40);
    this.#heardStewardMs = -Infinity;
    if (soonMs < this.electionAtMs) this.electionAtMs = soonMs;
  }

  /** The loop of this node stood still: nobody is to blame for the silence. */
  forgive(gapMs: number): void {
    this.electionAtMs += gapMs;
    this.reign?.forgive(gapMs);
  }

  /** Hears that `ballot` reigns. Returns the higher ballot promised if that reign is over. */
  heardReign(ballot: Ballot, commit: number): Ballot | null {
    const { promised } = this.replica;
    if (compareBallots(ballot, promised) < 0) return promised;
    this.#heard();
    if (this.#matched && isSameBallot(this.#matched.ballot, ballot)) {
      this.replica.commitTo(Math.min(commit, this.#matched.index));
    }
    return null;
  }

  #heard(): void {
    const { electionMs } = this.#core.options;
    this.#heardStewardMs = this.#nowMs;
    const rank = this.keepers.indexOf(this.#core.self);
    this.electionAtMs = this.#nowMs + electionMs + rank * electionMs / 4 +
      this.#core.jitterMs(electionMs / 4);
    this.#candidacy = null;
  }

  #stepDown(): void {
    this.reign?.end();
    this.reign = null;
    this.electionAtMs = this.#nowMs + this.#core.options.electionMs + this.#core.jitterMs(500);
  }

  /** Gives the reign up in good order: the keeper with the longest log takes over. */
  resign(): void {
    const reign = this.reign;
    if (!reign) return;
    const heir = reign.bestFollower();
    if (heir !== undefined) this.#core.send(heir, { type: "transfer", p: this.p, ballot: reign.ballot });
    this.#stepDown();
  }

  #stand(pre: boolean): void {
    const { electionMs } = this.#core.options;
    const ballot = this.#core.nextBallot(this.cfg);
    this.electionAtMs = this.#nowMs + electionMs / 2 + this.#core.jitterMs(electionMs / 2);
    this.#candidacy = { ballot, pre, granted: new Set() };
    this.#ask(ballot, pre);
  }

  #ask(ballot: Ballot, pre: boolean): void {
    const message: Message = { type: "prepare", p: this.p, ballot, pre, end: this.replica.end };
    for (const keeper of this.keepers) this.#core.send(keeper, message);
  }

  onTransfer(_from: MemberNo, message: TransferMessage): void {
    if (compareBallots(message.ballot, this.replica.promised) >= 0) this.#stand(false);
  }

  onPrepare(from: MemberNo, message: PrepareMessage): void {
    const { p, ballot, pre } = message;
    const { promised } = this.replica;
    const answer = this.#answerTo(from, message);
    if (answer === "granted" && !pre) {
      this.promise(ballot);
      this.electionAtMs = this.#nowMs + this.#core.options.electionMs + this.#core.jitterMs(500);
    }
    if (answer === "ahead" && !this.reign && !this.#isLoyal(from)) {
      const soonMs = this.#nowMs + this.#core.jitterMs(this.#core.options.electionMs / 10);
      if (soonMs < this.electionAtMs) this.electionAtMs = soonMs;
    }
    this.#core.send(from, { type: "promise", p, ballot, pre, answer, promised });
  }

  #answerTo(from: MemberNo, message: PrepareMessage): PromiseMessage["answer"] {
    if (compareBallots(message.ballot, this.replica.promised) <= 0) return "promised";
    if (message.pre && this.#isLoyal(from)) return "loyal";
    if (this.isAhead(message.end)) return "ahead";
    return "granted";
  }

  /** Only a log that holds all that may be chosen can be crowned. */
  isAhead(end: LogEnd): boolean {
    return compareLogEnds(this.replica.end, end) > 0;
  }

  #isLoyal(from: MemberNo): boolean {
    if (from === this.#core.self) return false;
    return this.reign !== null || this.#nowMs - this.#heardStewardMs < this.#core.options.electionMs;
  }

  /** Durable before the answer leaves: no lower ballot is promised or appended any more. */
  promise(ballot: Ballot): void {
    this.replica.promised = ballot;
    this.#core.persist({ type: "promise", p: this.p, ballot });
    if (this.reign && compareBallots(ballot, this.reign.ballot) > 0) this.#stepDown();
    if (this.#candidacy && compareBallots(ballot, this.#candidacy.ballot) > 0) this.#candidacy = null;
  }

  onPromise(from: MemberNo, message: PromiseMessage): void {
    const candidacy = this.#candidacy;
    this.#core.see(message.promised);
    if (!candidacy || !isSameBallot(candidacy.ballot, message.ballot) || candidacy.pre !== message.pre) {
      return;
    }
    if (message.answer === "promised") {
      this.#candidacy = null;
      const { electionMs } = this.#core.options;
      this.electionAtMs = this.#nowMs + this.#core.jitterMs(electionMs / 4);
      return;
    }
    if (message.answer !== "granted") return;
    candidacy.granted.add(from);
    if (candidacy.granted.size < majorityOf(this.keepers.length)) return;
    if (candidacy.pre) {
      candidacy.pre = false;
      candidacy.granted.clear();
      this.#ask(candidacy.ballot, false);
    } else if (isSameBallot(this.replica.promised, candidacy.ballot)) {
      this.#crown(candidacy.ballot);
    }
  }

  #crown(ballot: Ballot): void {
    this.#candidacy = null;
    this.#incoming = null;
    this.#core.observer?.crowned(this.p, ballot, this.replica.end);
    this.reign = new Reign(this.#core, this.#sessions, this, ballot);
    this.reign.begin();
  }

  onAppend(from: MemberNo, message: AppendMessage): void {
    if (!this.#follow(from, message.ballot)) return;
    const { p, ballot, prevIndex, entries } = message;
    const merged = this.replica.merge(prevIndex, message.prevBallot, entries);
    if (!merged) {
      const index = Math.min(this.replica.commit, prevIndex);
      this.#core.send(from, { type: "appendReply", p, ballot, ok: false, index, silences: [] });
      return;
    }
    if (merged.added.length > 0) {
      this.#core.persist({ type: "append", p, prevIndex: merged.at, entries: merged.added });
    }
    this.#matches(from, ballot, prevIndex + entries.length);
    this.replica.commitTo(Math.min(message.commit, this.#matched!.index));
  }

  /** Everything up to `index` is as the steward has it. */
  #matches(steward: MemberNo, ballot: Ballot, index: number): void {
    const known = this.#matched;
    const same = known !== null && isSameBallot(known.ballot, ballot);
    this.#matched = { ballot, index: same ? Math.max(known.index, index) : index };
    const silences = this.#sessions.silences(this.replica.tasks);
    this.#core.send(steward, { type: "appendReply", p: this.p, ballot, ok: true, index, silences });
  }

  #follow(from: MemberNo, ballot: Ballot): boolean {
    const { promised } = this.replica;
    const order = compareBallots(ballot, promised);
    if (order < 0) {
      this.#core.send(from, { type: "refuse", p: this.p, ballot, promised: promised! });
      return false;
    }
    if (order > 0) this.promise(ballot);
    this.#heard();
    return true;
  }

  onSnapshot(from: MemberNo, message: SnapshotMessage): void {
    if (!this.#follow(from, message.ballot)) return;
    const { p, ballot, end } = message;
    if (this.#alreadyHolds(end)) {
      this.#matches(from, ballot, Math.max(end.index, this.replica.commit));
      return;
    }
    if (!this.#incoming?.isOf(message)) this.#incoming = new IncomingSnapshot(message);
    const receivedBytes = this.#incoming.take(message);
    if (!this.#incoming.isComplete) {
      this.#core.send(from, { type: "snapshotReply", p, ballot, index: end.index, receivedBytes });
      return;
    }
    const { bytes } = this.#incoming;
    this.#incoming = null;
    const state = this.#decode(from, bytes);
    if (!state) return;
    this.replica.install(end, state);
    this.#core.persist({ type: "snapshot", p, end, state: bytes });
    this.#matches(from, ballot, end.index);
  }

  /**
   * The log reaches `end`, perhaps with acked entries behind it: replacing it would lose them (Raft, section
   * 7).
   */
  #alreadyHolds(end: LogEnd): boolean {
    if (end.index <= this.replica.commit) return true;
    const mine = this.replica.ballotAt(end.index);
    if (mine === undefined || !isSameBallot(mine, end.ballot)) return false;
    this.replica.commitTo(end.index);
    return true;
  }

  #decode(from: MemberNo, bytes: Uint8Array): PartitionState | null {
    try {
      return decodeState(bytes);
    } catch (error) {
      const reason = `a snapshot that is no state: ${(error as Error).message}`;
      this.#core.event({ type: "rejected", from: this.#core.memberByNo.get(from)!.id, reason });
      return null;
    }
  }

  onRefuse(ballot: Ballot, promised: Ballot): void {
    this.#core.see(promised);
    if (this.reign && isSameBallot(this.reign.ballot, ballot) && compareBallots(promised, ballot) > 0) {
      this.#stepDown();
      this.electionAtMs = this.#nowMs + this.#core.jitterMs(this.#core.options.electionMs / 8);
    }
  }
}
