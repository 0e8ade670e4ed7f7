/**
 * One keeper of partition 0 at member 0, for tests of what it answers and writes: the test plays the other
 * keepers, 1 and 2. Ballots, entries and the stage around it: roles.ts.
 */
import type { EngineOptions } from "../../src/protocol/model/contract.ts";
import { Keeper } from "../../src/protocol/log/keeper.ts";
import type { EarlierKeeper } from "../../src/protocol/log/reconfiguration.ts";
import { Replica } from "../../src/protocol/log/replica.ts";
import type { AppendMessage, SnapshotMessage } from "../../src/protocol/model/messages.ts";
import type { Ballot, Configuration, Entry, LogEnd, MemberNo } from "../../src/protocol/model/types.ts";
import { encodeState } from "../../src/protocol/wire/snapshots.ts";
import { ballotBy, FakeOffice, promiseOf, RoleStage } from "./roles.ts";

/** The first configuration of the partition, and one that takes over from it. */
export const FOUNDED: Configuration = { epoch: 1, keepers: [0, 1, 2] };
export const TAKEN_OVER: Configuration = { epoch: 2, keepers: [0, 1, 2] };
export const NOTHING: LogEnd = { ballot: null, index: 0 };
/** Ballots of the steward that the keeper follows at first, and of the one after it. */
export const FIRST: Ballot = ballotBy(1, 5);
export const SECOND: Ballot = ballotBy(2, 8);

interface Setting {
  readonly chain?: readonly Configuration[];
  readonly predecessors?: readonly EarlierKeeper[];
  readonly options?: Partial<EngineOptions>;
}

/** Asked for a promise, or with `pre` whether it would be given; `end` is the candidate's log. */
interface Question {
  readonly pre?: boolean;
  readonly end?: LogEnd;
}

export class KeeperBench {
  readonly stage: RoleStage;
  readonly office: FakeOffice = new FakeOffice();
  readonly keeper: Keeper;

  constructor({ chain = [FOUNDED], predecessors = [], options = {} }: Setting = {}) {
    const stage = new RoleStage({ chain, options });
    this.stage = stage;
    const place = { p: 0, chain, predecessors: () => predecessors, mayStand: () => true };
    this.keeper = new Keeper(stage.context, stage.liveness, place, () => this.office);
  }

  prepare(from: MemberNo, ballot: Ballot, { pre = false, end = NOTHING }: Question = {}): void {
    this.keeper.onPrepare(from, { type: "prepare", p: 0, ballot, pre, end });
  }

  /** From the steward of the ballot: these entries after `prevIndex`. */
  append(ballot: Ballot, entries: readonly Entry[], more: Partial<AppendMessage> = {}): void {
    this.keeper.onAppend(ballot.node, {
      type: "append",
      p: 0,
      ballot,
      prevIndex: 0,
      prevBallot: null,
      commit: 0,
      first: 1,
      logFloor: 0,
      entries,
      ...more,
    });
  }

  snapshot(ballot: Ballot, end: LogEnd, more: Partial<SnapshotMessage> = {}): void {
    const data = encodeState(new Replica().tasks.toState());
    const totalBytes = data.length;
    const message = { type: "snapshot", p: 0, ballot, end, first: 1, offset: 0, totalBytes, data } as const;
    this.keeper.onSnapshot(ballot.node, { ...message, ...more });
  }

  seal(ballot: Ballot): void {
    this.keeper.onSeal(ballot.node, { type: "seal", p: 0, cfg: this.keeper.cfg, ballot });
  }

  /** A keeper promises what this one asked it for. */
  grant(from: MemberNo, ballot: Ballot): void {
    this.keeper.election.onPromise(from, promiseOf(ballot));
  }

  /** Elected by itself and another; the ballot of its term. */
  beSteward(): Ballot {
    this.keeper.election.stand(false);
    const { ballot } = this.stage.take().of("prepare")[0]!;
    this.prepare(0, ballot);
    for (const from of [0, 1]) this.grant(from, ballot);
    return ballot;
  }
}
