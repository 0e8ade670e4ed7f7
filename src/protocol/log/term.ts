/**
 * The steward's side of one partition for the time of one ballot: it appends, replicates, learns what is
 * chosen and runs what waited for that. What it does for others is its `Office`, which
 * steward/steward.ts is.
 */
import type { Context } from "../context/context.ts";
import { isSameBallot, majorityOf, majorityReached } from "../model/ballot.ts";
import { LIMITS } from "../model/limits.ts";
import type { AppendReplyMessage, SnapshotReplyMessage } from "../model/messages.ts";
import type { Ballot, LogEnd, MemberNo, Operation, Silence } from "../model/types.ts";
import { ClusterTime, type TimeFloor } from "./cluster-time.ts";
import { makeEntry } from "../wire/operations.ts";
import { encodeState } from "../wire/snapshots.ts";
import type { Replica } from "./replica.ts";

/** The keeper whose term it is. */
export interface TermKeeper {
  readonly p: number;
  readonly cfg: number;
  readonly voters: readonly MemberNo[];
  readonly replica: Replica;
  readonly silenceFloorMs: number;
  readonly timeFloorMs: number;
  readonly timeFloor: TimeFloor;
}

/** What the steward does for others as long as its term lasts. */
export interface Office {
  begin(): void;
  end(): void;
  tick(): void;
  flush(): void;
  /** A keeper reports how long condemned sessions had been silent there. */
  onSilences(keeper: MemberNo, silences: readonly Silence[], matchIndex: number): void;
}

export class Term {
  readonly p: number;
  readonly ballot: Ballot;
  readonly keeper: TermKeeper;
  readonly replica: Replica;
  readonly #office: Office;
  readonly #context: Context;
  readonly #followers: Follower[] = [];
  readonly #waiters: { readonly index: number; readonly run: () => void }[] = [];
  #waitersHead = 0;
  /** What entries say, and what is due by it. */
  readonly time: ClusterTime;
  /** Somebody waits for an entry with this index or a later one. */
  #dueIndex = 0;
  /** The last entry that was appended for that alone. */
  #confirmingIndex = 0;
  #beganMs: number;
  /** Index of its first entry: when that is chosen, so is all before it. */
  readonly first: number;

  constructor(context: Context, keeper: TermKeeper, ballot: Ballot, open: (term: Term) => Office) {
    this.#context = context;
    this.p = keeper.p;
    this.ballot = ballot;
    this.keeper = keeper;
    this.replica = keeper.replica;
    this.#beganMs = context.clock.monoMs;
    const next = this.replica.lastIndex + 1;
    this.first = next;
    for (const no of keeper.voters) {
      if (no === context.self) continue;
      this.#followers.push(newFollower(no, next, context.clock.monoMs));
    }
    this.time = new ClusterTime(context, keeper.voters, keeper.timeFloorMs, keeper.timeFloor);
    this.#office = open(this);
  }

  begin(): void {
    this.propose({ type: "noop" });
    this.#office.begin();
    this.#context.termsChanged = true;
  }

  /** Its configuration stands: the ones before are not needed any more. */
  get isActive(): boolean {
    return this.replica.commit >= this.first;
  }

  /** Deposed: what waited for entries of this term must not take the next term's entries for them. */
  end(): void {
    this.#waiters.length = 0;
    this.#waitersHead = 0;
    this.#context.dirty.delete(this);
    this.#office.end();
    this.#context.termsChanged = true;
  }

  addStall(gapMs: number): void {
    for (const follower of this.#followers) follower.ackMs += gapMs;
  }

  /** CheckQuorum: a steward that a majority no longer answers cannot choose anything. */
  hasLostMajority(): boolean {
    const since = this.#context.clock.monoMs - 0.7 * this.#context.options.electionMs;
    let live = 1;
    for (const follower of this.#followers) if (follower.ackMs >= since) live++;
    return live < majorityOf(this.#followers.length + 1);
  }

  /** A keeper answered a heartbeat and did not contradict this term. */
  heardFrom(no: MemberNo): void {
    const follower = this.#follower(no);
    if (follower) follower.ackMs = this.#context.clock.monoMs;
  }

  /** The connected keeper with the longest log. */
  bestFollower(): MemberNo | undefined {
    let best: Follower | undefined;
    for (const follower of this.#followers) {
      if (!this.#context.isConnected(follower.no)) continue;
      if (!best || follower.match > best.match) best = follower;
    }
    return best?.no;
  }

  tick(): void {
    const { monoMs } = this.#context.clock;
    const { resendMs } = this.#context.options;
    for (const follower of this.#followers) {
      if (follower.match < this.replica.lastIndex && monoMs - follower.sentMs >= resendMs) {
        follower.next = follower.match + 1;
        if (follower.match === 0) follower.next = this.replica.lastIndex + 1;
        follower.probe = follower.next - 1;
        follower.probeUntil = this.replica.lastIndex;
        this.#replicateTo(follower, true);
      }
    }
    this.#office.tick();
    this.replica.raiseLogFloor(logFloorOf(this.#followers, this.replica.lastIndex));
    this.replica.trimExcess(this.#context.logLimits);
    this.#returnToFirst();
  }

  #returnToFirst(): void {
    const first = this.#follower(this.keeper.voters[0]!);
    if (!first || this.#context.transferBudget <= 0) return;
    const { monoMs } = this.#context.clock;
    if (monoMs - this.#beganMs < 2 * this.#context.options.electionMs) return;
    const isReady = first.match === this.replica.lastIndex && this.#context.isConnected(first.no) &&
      monoMs - first.ackMs <= this.#context.options.heartbeatMs * 1.5;
    if (!isReady) return;
    this.#context.transferBudget--;
    this.#beganMs = monoMs;
    this.#context.send(first.no, { type: "transfer", p: this.p, ballot: this.ballot });
  }

  /** Appends an operation; it leaves with all others of this step. Returns its index. */
  propose(op: Operation): number {
    const entry = makeEntry(this.ballot, op);
    this.replica.append(entry);
    const index = this.replica.lastIndex;
    this.#context.persistEntry(this.keeper, index - 1, entry);
    this.#context.dirty.add(this);
    return index;
  }

  /** Runs `run` as soon as everything up to `index` is chosen. */
  whenChosen(index: number, run: () => void): void {
    this.#waiters.push({ index, run });
    if (index <= this.replica.commit) this.#context.dirty.add(this);
  }

  /**
   * Runs `run` as soon as an entry of this term is chosen that is appended from now on: then this was the
   * steward still, and everything up to now is chosen. If nothing else is appended, a noop is, at the end of
   * the step, or as soon as the noop before it is chosen.
   */
  whenConfirmed(run: () => void): void {
    this.#dueIndex = this.replica.lastIndex + 1;
    this.#waiters.push({ index: this.#dueIndex, run });
    this.#context.dirty.add(this);
  }

  /** Entries that are not chosen yet. */
  get unchosenCount(): number {
    return this.replica.lastIndex - this.replica.commit;
  }

  /** At the end of a step: sends what is new, learns what a single keeper has chosen alone. */
  flush(): void {
    this.#advance();
    this.#confirm();
    for (const follower of this.#followers) this.#replicateTo(follower, false);
    this.#office.flush();
  }

  #confirm(): void {
    const { lastIndex, commit } = this.replica;
    if (lastIndex >= this.#dueIndex || commit < this.#confirmingIndex) return;
    this.#confirmingIndex = this.propose({ type: "noop" });
  }

  #advance(): void {
    const reached: number[] = [this.replica.lastIndex];
    for (const follower of this.#followers) reached.push(follower.match);
    const index = majorityReached(reached);
    const { commit } = this.replica;
    if (index > commit && isSameBallot(this.replica.ballotAt(index) ?? null, this.ballot)) {
      const { observer } = this.#context;
      if (observer) {
        for (let i = commit + 1; i <= index; i++) {
          observer.chosen(this.p, i, this.replica.entryAt(i)!, this.ballot);
        }
      }
      this.replica.commitTo(index);
    }
    this.#runWaiters(this.replica.commit);
  }

  #runWaiters(upTo: number): void {
    const waiters = this.#waiters;
    while (this.#waitersHead < waiters.length && waiters[this.#waitersHead]!.index <= upTo) {
      waiters[this.#waitersHead++]!.run();
    }
    if (this.#waitersHead === waiters.length) {
      waiters.length = 0;
      this.#waitersHead = 0;
    } else if (this.#waitersHead > 4096) {
      waiters.splice(0, this.#waitersHead);
      this.#waitersHead = 0;
    }
  }

  #replicateTo(follower: Follower, again: boolean): void {
    const { replica } = this;
    const context = this.#context;
    if (!context.isConnected(follower.no)) return;
    if (
      context.congested.has(follower.no) || follower.next - 1 - follower.match > LIMITS.entriesInFlightMax
    ) {
      if (follower.match > 0 && !again) return;
    }
    if (follower.probe >= 0 && !again) return;
    if (follower.snapshot || follower.next <= replica.base.index) {
      if (again || !follower.snapshot) this.#sendSnapshot(follower);
      return;
    }
    do {
      if (follower.next > replica.lastIndex && !again) return;
      const prevIndex = follower.next - 1;
      const entries = replica.entriesAfter(
        prevIndex,
        context.options.appendBytesMax,
        LIMITS.entriesPerAppendMax,
      );
      context.send(follower.no, {
        type: "append",
        p: this.p,
        ballot: this.ballot,
        prevIndex,
        prevBallot: replica.ballotAt(prevIndex) ?? null,
        commit: replica.commit,
        first: this.first,
        logFloor: logFloorOf(this.#followers, replica.lastIndex),
        entries,
      });
      follower.next += entries.length;
      follower.sentMs = context.clock.monoMs;
      if (again || entries.length === 0) return;
    } while (follower.next <= replica.lastIndex && !context.congested.has(follower.no));
  }

  onAppendReply(from: MemberNo, message: AppendReplyMessage): void {
    const follower = this.#follower(from);
    if (!follower) return;
    follower.ackMs = this.#context.clock.monoMs;
    if (!message.ok) {
      this.#probe(follower, Math.max(follower.match, message.index));
      return;
    }
    if (message.index > this.replica.lastIndex) return;
    const isProgress = message.index > follower.match;
    if (isProgress) {
      follower.match = message.index;
      follower.sentMs = this.#context.clock.monoMs;
      if (follower.snapshot && follower.match >= follower.snapshot.end.index) follower.snapshot = null;
    }
    follower.next = Math.max(follower.next, follower.match + 1);
    if (isProgress && follower.probe >= 0) {
      if (follower.match >= follower.probeUntil) follower.probe = -1;
      else this.#probe(follower, follower.match);
    }
    this.#office.onSilences(from, message.silences, message.index);
    this.#context.dirty.add(this);
  }

  /** One append after `index` and then its answer: late refusals of what was sent before start nothing. */
  #probe(follower: Follower, index: number): void {
    if (follower.probe === index) return;
    if (follower.probe < 0) follower.probeUntil = this.replica.lastIndex;
    follower.probe = index;
    follower.next = index + 1;
    this.#replicateTo(follower, true);
  }

  #sendSnapshot(follower: Follower): void {
    let { snapshot } = follower;
    if (!snapshot) {
      const { end, state } = this.replica.chosenState();
      snapshot = { end, bytes: encodeState(state), offset: 0 };
      follower.snapshot = snapshot;
      follower.next = end.index + 1;
    }
    const { end, bytes, offset } = snapshot;
    const data = bytes.subarray(offset, offset + this.#context.options.snapshotChunkBytes);
    const { p, ballot, first } = this;
    const totalBytes = bytes.length;
    this.#context.send(follower.no, { type: "snapshot", p, ballot, end, first, offset, totalBytes, data });
    follower.sentMs = this.#context.clock.monoMs;
  }

  onSnapshotReply(from: MemberNo, message: SnapshotReplyMessage): void {
    const follower = this.#follower(from);
    const snapshot = follower?.snapshot;
    if (!follower || !snapshot || message.index !== snapshot.end.index) return;
    follower.ackMs = this.#context.clock.monoMs;
    if (message.receivedBytes > snapshot.bytes.length) return;
    const isProgress = message.receivedBytes > snapshot.offset;
    snapshot.offset = message.receivedBytes;
    // a repeated answer must not start a second chain of chunks; tick() sends again what got lost
    if (isProgress) this.#sendSnapshot(follower);
  }

  #follower(no: MemberNo): Follower | undefined {
    for (let at = 0; at < this.#followers.length; at++) {
      if (this.#followers[at]!.no === no) return this.#followers[at];
    }
    return undefined;
  }
}

/** What a steward knows of one keeper that follows it. Its term changes it; nobody else looks. */
export interface Follower {
  readonly no: MemberNo;
  /** Index of the next entry to send. */
  next: number;
  /** Everything up to here is known to be in its log. */
  match: number;
  ackMs: number;
  sentMs: number;
  /** After a refusal: the index that the one append under way begins after. -1 = it follows. */
  probe: number;
  /** Where the log ended at the refusal: from here on it follows again. */
  probeUntil: number;
  snapshot: { readonly end: LogEnd; readonly bytes: Uint8Array; offset: number } | null;
}

/** A keeper of which nothing is known yet: it counts as heard at `nowMs`. */
export function newFollower(no: MemberNo, next: number, nowMs: number): Follower {
  return { no, next, match: 0, ackMs: nowMs, sentMs: nowMs, probe: -1, probeUntil: 0, snapshot: null };
}

/** All have the log up to here, the steward up to `lastIndex`. */
export function logFloorOf(followers: readonly Follower[], lastIndex: number): number {
  let logFloor = lastIndex;
  for (let at = 0; at < followers.length; at++) logFloor = Math.min(logFloor, followers[at]!.match);
  return logFloor;
}
