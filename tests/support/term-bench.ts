/**
 * One term of partition 0, for tests of what its steward sends and takes for chosen. The followers are the
 * test; the keeper and the office are as small as a term needs them.
 */
import type { Context } from "../../src/protocol/context/context.ts";
import { TimeFloor } from "../../src/protocol/log/cluster-time.ts";
import { Replica } from "../../src/protocol/log/replica.ts";
import { Term, type TermKeeper } from "../../src/protocol/log/term.ts";
import type { EngineOptions } from "../../src/protocol/model/contract.ts";
import type { AppendReplyMessage } from "../../src/protocol/model/messages.ts";
import type { Ballot, Entry, MemberNo } from "../../src/protocol/model/types.ts";
import { ballotBy, FakeOffice, RoleStage, type Turn } from "./roles.ts";

/** Ballots of a term before, and of the one that is tested. */
export const OLDER: Ballot = ballotBy(1, 3);
export const OWN: Ballot = ballotBy(0, 7);

/** The keeper whose term it is, as small as that needs it. A test may change it. */
export function termKeeper(
  context: Context,
  voters: readonly MemberNo[],
  replica: Replica,
): { -readonly [K in keyof TermKeeper]: TermKeeper[K] } {
  const timeFloor = new TimeFloor(context);
  return { p: 0, cfg: 1, voters, replica, silenceFloorMs: 0, timeFloorMs: 0, timeFloor };
}

interface Setting {
  readonly self?: MemberNo;
  readonly voters?: readonly MemberNo[];
  /** What its log held before the term. */
  readonly entries?: readonly Entry[];
  readonly commit?: number;
  readonly options?: Partial<EngineOptions>;
}

export class TermBench {
  readonly stage: RoleStage;
  readonly office: FakeOffice = new FakeOffice();
  readonly replica: Replica = new Replica();
  readonly term: Term;

  constructor({ self = 0, voters = [0, 1, 2], entries = [], commit = 0, options = {} }: Setting = {}) {
    this.stage = new RoleStage({ self, memberCount: 5, options });
    for (const entry of entries) this.replica.append(entry);
    this.replica.commitTo(commit);
    const keeper = termKeeper(this.stage.context, voters, this.replica);
    this.term = new Term(this.stage.context, keeper, OWN, () => this.office);
  }

  /** It has begun, and what it sent then is gone. */
  static begun(setting: Setting = {}): TermBench {
    const bench = new TermBench(setting);
    bench.term.begin();
    bench.step();
    return bench;
  }

  /** Ends the step: what left in it. */
  step(): Turn {
    this.stage.flush();
    return this.stage.take();
  }

  tick(): Turn {
    this.term.tick();
    return this.step();
  }

  propose(count = 1): void {
    for (let i = 0; i < count; i++) this.term.propose({ type: "noop" });
  }

  /** The follower's log matches up to `index`; or, with `ok` false, ends there. */
  reply(from: MemberNo, index: number, more: Partial<AppendReplyMessage> = {}): void {
    const reply = { type: "appendReply", p: 0, ballot: OWN, ok: true, index, silences: [] } as const;
    this.term.onAppendReply(from, { ...reply, ...more });
  }

  /** The follower's state of a snapshot that is on its way. */
  received(from: MemberNo, index: number, receivedBytes: number): void {
    const reply = { type: "snapshotReply", p: 0, ballot: OWN, index, receivedBytes } as const;
    this.term.onSnapshotReply(from, reply);
  }

  get commit(): number {
    return this.replica.commit;
  }
}

/** Who was sent which entries: `to: first-last`, or `to: -` for none. */
export function appendsOf(turn: Turn): readonly string[] {
  return turn.of("append").map(({ to, prevIndex, entries }) => {
    const last = prevIndex + entries.length;
    return `${to}: ${entries.length === 0 ? "-" : `${prevIndex + 1}-${last}`}`;
  });
}
