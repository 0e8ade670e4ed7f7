/** When a keeper stands, whom it asks, and what makes it the steward. The others are played by the test. */
import { expect, test } from "bun:test";
import { Election, type Stander } from "../../../../src/protocol/log/election.ts";
import type { EarlierKeeper, Place } from "../../../../src/protocol/log/reconfiguration.ts";
import { Replica } from "../../../../src/protocol/log/replica.ts";
import type { PromiseMessage } from "../../../../src/protocol/model/messages.ts";
import type { Ballot, Configuration, LogEnd, SealedCopy } from "../../../../src/protocol/model/types.ts";
import { encodeCopy } from "../../../../src/protocol/wire/snapshots.ts";
import { ballotBy, ELECTION_MS, noops, promiseOf, RESEND_MS, RoleStage } from "../../../support/roles.ts";

const OLD: Configuration = { epoch: 1, keepers: [0, 1, 2] };
const NEW: Configuration = { epoch: 2, keepers: [3, 1, 0] };

/** The keeper that stands, as far as an election looks at it. */
class FakeStander implements Stander {
  readonly p = 0;
  readonly cfg: number;
  readonly voters: readonly number[];
  isInstalled = true;
  votingEnd: LogEnd = { ballot: null, index: 0 };
  readonly replica: { promised: Ballot | null } = { promised: null };
  readonly place: Place;
  mayStand = true;
  readonly elected: Ballot[] = [];
  readonly adopted: SealedCopy[] = [];

  constructor(chain: readonly Configuration[], predecessors: readonly EarlierKeeper[]) {
    const { epoch, keepers } = chain.at(-1)!;
    this.cfg = epoch;
    this.voters = keepers;
    this.place = { p: 0, chain, predecessors: () => predecessors, mayStand: () => this.mayStand };
  }

  elect(ballot: Ballot): void {
    this.elected.push(ballot);
  }

  adopt(copy: SealedCopy): void {
    this.adopted.push(copy);
  }
}

interface Setting {
  readonly self?: number;
  readonly chain?: readonly Configuration[];
  readonly predecessors?: readonly EarlierKeeper[];
  readonly seed?: number;
}

class Bench {
  readonly stage: RoleStage;
  readonly keeper: FakeStander;
  readonly election: Election;

  constructor({ self = 0, chain = [OLD], predecessors = [], seed = 1 }: Setting = {}) {
    this.stage = new RoleStage({ self, memberCount: 4, chain, options: { seed } });
    this.keeper = new FakeStander(chain, predecessors);
    this.election = new Election(this.stage.context, this.keeper);
  }

  /** In how many ms it stands. */
  get inMs(): number {
    return this.election.atMs - this.stage.nowMs;
  }

  /** Asks for votes, or would-be votes; the ballot for which it asks. */
  stand(pre = true): Ballot {
    this.election.stand(pre);
    return this.stage.take().of("prepare")[0]!.ballot;
  }

  answer(from: number, ballot: Ballot, more: Partial<PromiseMessage> = {}): void {
    this.election.onPromise(from, promiseOf(ballot, more));
  }

  /** Asks for votes and gets two, its own included. */
  win(): Ballot {
    const ballot = this.stand(false);
    this.keeper.replica.promised = ballot;
    this.answer(0, ballot);
    this.answer(1, ballot);
    return ballot;
  }
}

test("who stands asks first whether all keepers would promise, itself included, and shows its log", () => {
  const bench = new Bench();
  bench.keeper.votingEnd = { ballot: ballotBy(2, 7), index: 9 };
  bench.stage.pass(bench.inMs);
  bench.election.tick();
  const asked = bench.stage.take().of("prepare");
  expect(asked.map(({ to }) => to)).toEqual([0, 1, 2]);
  for (const { pre, end } of asked) {
    expect(pre).toBe(true);
    expect(end).toEqual({ ballot: ballotBy(2, 7), index: 9 });
  }
});

test("nobody stands before its time", () => {
  const bench = new Bench();
  bench.stage.pass(bench.inMs - 1);
  bench.election.tick();
  expect(bench.stage.take().isSilent).toBe(true);
  expect(bench.election.isStanding).toBe(false);
});

test("when a majority would promise, it asks for the promises under the same ballot", () => {
  const bench = new Bench();
  const ballot = bench.stand();
  bench.answer(0, ballot, { pre: true });
  expect(bench.stage.take().isSilent).toBe(true);
  bench.answer(2, ballot, { pre: true });
  const asked = bench.stage.take().of("prepare");
  expect(asked.map(({ to, pre, ballot }) => ({ to, pre, ballot }))).toEqual(
    [0, 1, 2].map((to) => ({ to, pre: false, ballot })),
  );
  expect(bench.keeper.elected).toEqual([]);
});

test("whoever would have promised has not promised: both rounds are counted by themselves", () => {
  const bench = new Bench();
  const ballot = bench.stand();
  for (const from of [0, 1, 2]) bench.answer(from, ballot, { pre: true });
  bench.keeper.replica.promised = ballot;
  bench.answer(0, ballot);
  expect(bench.keeper.elected).toEqual([]);
  bench.answer(1, ballot);
  expect(bench.keeper.elected).toEqual([ballot]);
});

test("a majority of the keepers elects, and nothing less does", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = ballot;
  bench.answer(0, ballot);
  expect(bench.keeper.elected).toEqual([]);
  bench.answer(2, ballot);
  expect(bench.keeper.elected).toEqual([ballot]);
  expect(bench.election.isStanding).toBe(false);
});

test("one keeper's promise counts once, however often it comes", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = ballot;
  bench.answer(1, ballot);
  bench.answer(1, ballot);
  expect(bench.keeper.elected).toEqual([]);
});

test("the promise of a member that keeps nothing here counts for nothing", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = ballot;
  bench.answer(0, ballot);
  bench.answer(3, ballot);
  expect(bench.keeper.elected).toEqual([]);
});

test("promises of an earlier candidacy do not count for this one", () => {
  const bench = new Bench();
  const earlier = bench.stand(false);
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = ballot;
  bench.answer(0, ballot);
  bench.answer(1, earlier);
  expect(bench.keeper.elected).toEqual([]);
});

test("late answers to the first question are no promises", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = ballot;
  bench.answer(0, ballot, { pre: true });
  bench.answer(1, ballot, { pre: true });
  expect(bench.keeper.elected).toEqual([]);
});

test("who promised a higher ballot itself meanwhile is not elected, whatever the others promised", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = { ...ballot, counter: ballot.counter + 1 };
  for (const from of [0, 1, 2]) bench.answer(from, ballot);
  expect(bench.keeper.elected).toEqual([]);
});

test("an answer that a higher ballot is promised ends the candidacy, and the next ballot is above it", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = ballot;
  bench.answer(1, ballot, { answer: "promised", promised: ballotBy(2, 40) });
  expect(bench.election.isStanding).toBe(false);
  bench.answer(0, ballot);
  bench.answer(2, ballot);
  expect(bench.keeper.elected).toEqual([]);
  expect(bench.inMs).toBeLessThan(ELECTION_MS / 4);
  expect(bench.stand().counter).toBe(41);
});

test.each(["ahead", "loyal"] as const)(
  "an answer %p is no vote, and the others may still elect",
  (answer) => {
    const bench = new Bench();
    const ballot = bench.stand(false);
    bench.keeper.replica.promised = ballot;
    bench.answer(0, ballot);
    bench.answer(1, ballot, { answer });
    expect(bench.keeper.elected).toEqual([]);
    bench.answer(2, ballot);
    expect(bench.keeper.elected).toEqual([ballot]);
  },
);

test("a higher ballot outbids a candidacy, a lower one and its own do not", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.election.outbid({ ...ballot, counter: ballot.counter - 1 });
  bench.election.outbid(ballot);
  expect(bench.election.isStanding).toBe(true);
  bench.election.outbid({ ...ballot, node: 1 });
  expect(bench.election.isStanding).toBe(false);
});

test("while it may not stand it asks nobody, and stands when it may", () => {
  const bench = new Bench();
  bench.keeper.mayStand = false;
  bench.stage.pass(bench.inMs);
  bench.election.tick();
  expect(bench.stage.take().isSilent).toBe(true);
  expect(bench.inMs).toBeGreaterThan(0);
  expect(bench.inMs).toBeLessThan(ELECTION_MS / 4);
  bench.keeper.mayStand = true;
  bench.stage.pass(bench.inMs);
  bench.election.tick();
  expect(bench.stage.take().of("prepare")).toHaveLength(3);
});

test("who got no majority tries again after half an election time at the soonest", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const bench = new Bench({ seed });
    bench.stand();
    expect(bench.inMs).toBeGreaterThanOrEqual(ELECTION_MS / 2);
    expect(bench.inMs).toBeLessThan(ELECTION_MS);
  }
});

// ---- whose turn it is -------------------------------------------------------------------------------------

/** Place in the order in which keepers stand at first: half an election time lies between two of them. */
function rankOf(setting: Setting): number {
  return Math.floor(new Bench(setting).inMs / (ELECTION_MS / 2));
}

test("in the first configuration keepers stand in ring order", () => {
  const chain = [{ epoch: 1, keepers: [2, 0, 1] }];
  for (let seed = 1; seed <= 20; seed++) {
    expect([2, 0, 1].map((self) => rankOf({ self, chain, seed }))).toEqual([0, 1, 2]);
  }
});

test("in a new configuration whoever has a copy already stands before those who do not", () => {
  // by the ring alone it would be 3, then 1, then 0
  const chain = [OLD, NEW];
  expect([1, 0, 3].map((self) => rankOf({ self, chain }))).toEqual([1, 2, 3]);
});

test("the steward of the configuration before stands first of all in the new one", () => {
  const steward = { cfg: 1, isInstalled: true, isSteward: true, replica: new Replica() };
  const chain = [OLD, NEW];
  expect(rankOf({ self: 0, chain, predecessors: [steward] })).toBe(0);
  expect(rankOf({ self: 0, chain, predecessors: [{ ...steward, isSteward: false }] })).toBe(2);
});

test("a steward that is heard puts it off by the election time, the later ones on the ring by more", () => {
  for (let seed = 1; seed <= 20; seed++) {
    for (const [rank, self] of OLD.keepers.entries()) {
      const bench = new Bench({ self, seed });
      bench.election.heardSteward();
      const fromMs = ELECTION_MS + rank * ELECTION_MS / 4;
      expect(bench.inMs).toBeGreaterThanOrEqual(fromMs);
      expect(bench.inMs).toBeLessThan(fromMs + ELECTION_MS / 4);
    }
  }
});

test("a steward that is heard ends a candidacy", () => {
  const bench = new Bench();
  const ballot = bench.stand(false);
  bench.keeper.replica.promised = ballot;
  bench.election.heardSteward();
  bench.answer(0, ballot);
  bench.answer(1, ballot);
  expect(bench.keeper.elected).toEqual([]);
});

test("when a steward is gone the first on the ring stands at once, the next a little later", () => {
  for (let seed = 1; seed <= 20; seed++) {
    for (const [rank, self] of OLD.keepers.entries()) {
      const bench = new Bench({ self, seed });
      bench.election.heardSteward();
      bench.election.soon();
      expect(bench.inMs).toBeGreaterThanOrEqual(rank * ELECTION_MS / 20);
      expect(bench.inMs).toBeLessThan((rank + 1) * ELECTION_MS / 20);
    }
  }
});

test("who is to stand soon does not stand later than it would have", () => {
  const bench = new Bench({ self: 2 });
  bench.election.atMs = bench.stage.nowMs + 1;
  bench.election.soon();
  expect(bench.inMs).toBe(1);
});

test("the engine knows the earliest time at which somebody stands", () => {
  const bench = new Bench();
  const { context } = bench.stage;
  context.standMs = Infinity;
  bench.election.postpone();
  expect(context.standMs).toBe(bench.election.atMs);
  const standMs = bench.stage.nowMs + 7;
  context.standMs = standMs;
  bench.election.postpone();
  expect(context.standMs).toBe(standMs);
});

test("who was deposed tries again soon, who promised to another waits for an election time", () => {
  const bench = new Bench();
  bench.election.postpone();
  expect(bench.inMs).toBeGreaterThanOrEqual(ELECTION_MS);
  bench.election.again();
  expect(bench.inMs).toBeLessThan(ELECTION_MS / 8);
});

// ---- the first term of a configuration --------------------------------------------------------------------

class NewConfiguration extends Bench {
  readonly old: Replica;

  constructor(isKept = true) {
    const old = new Replica();
    for (const entry of noops(ballotBy(1, 1), 3)) old.append(entry);
    const predecessor = { cfg: 1, isInstalled: true, isSteward: false, replica: old };
    super({ chain: [OLD, { epoch: 2, keepers: [0, 1, 3] }], predecessors: isKept ? [predecessor] : [] });
    this.old = old;
    this.keeper.isInstalled = false;
  }

  sealed(from: number, ballot: Ballot, isInstalled = true): void {
    const { end } = this.old;
    this.election.onSealed(from, { type: "sealed", p: 0, cfg: 1, ballot, isInstalled, by: [], end });
  }
}

test("without a whole copy a majority does not elect: first the keepers before are sealed", () => {
  const bench = new NewConfiguration();
  const ballot = bench.win();
  expect(bench.keeper.elected).toEqual([]);
  expect(bench.stage.take().of("seal").map(({ to, cfg }) => [to, cfg])).toEqual([[0, 1], [1, 1], [2, 1]]);
  bench.sealed(0, ballot);
  expect(bench.keeper.elected).toEqual([]);
  bench.sealed(2, ballot);
  expect(bench.keeper.adopted).toEqual([bench.old.copy()]);
  expect(bench.keeper.elected).toEqual([ballot]);
});

test("a copy that comes from another keeper elects when the last chunk of it is there", () => {
  const bench = new NewConfiguration(false);
  const ballot = bench.win();
  bench.sealed(1, ballot);
  bench.sealed(2, ballot);
  const { to, cfg, offset } = bench.stage.take().of("fetchCopy")[0]!;
  expect([cfg, offset]).toEqual([1, 0]);
  const bytes = encodeCopy(bench.old.copy());
  const chunk = { type: "copyChunk", p: 0, cfg: 1, ballot, end: bench.old.end } as const;
  for (const [from, until] of [[0, 5], [5, bytes.length]] as const) {
    expect(bench.keeper.elected).toEqual([]);
    const data = bytes.subarray(from, until);
    bench.election.onCopyChunk(to, { ...chunk, offset: from, totalBytes: bytes.length, data });
  }
  expect(bench.keeper.elected).toEqual([ballot]);
});

test("while the copy is on its way, who is ahead ends it: that one has a whole copy", () => {
  const bench = new NewConfiguration();
  const ballot = bench.win();
  bench.answer(3, ballot, { answer: "ahead" });
  expect(bench.election.isStanding).toBe(false);
  bench.sealed(0, ballot);
  bench.sealed(1, ballot);
  expect(bench.keeper.elected).toEqual([]);
});

test("while the copy is on its way, who promised and who is to be sealed hear of it again", () => {
  const bench = new NewConfiguration();
  const ballot = bench.win();
  bench.sealed(0, ballot);
  bench.stage.take();
  bench.stage.pass(RESEND_MS - 1);
  bench.election.tick();
  expect(bench.stage.take().isSilent).toBe(true);
  bench.stage.pass(1);
  bench.election.tick();
  const again = bench.stage.take();
  expect(again.of("prepare").map(({ to, pre, ballot }) => ({ to, pre, ballot }))).toEqual(
    [0, 1, 3].map((to) => ({ to, pre: false, ballot })),
  );
  expect(again.of("seal").map(({ to }) => to)).toEqual([1, 2]);
});

test("a promise that comes late, while the copy is on its way, does not begin it anew", () => {
  const bench = new NewConfiguration();
  const ballot = bench.win();
  bench.sealed(0, ballot);
  bench.stage.take();
  bench.answer(3, ballot);
  expect(bench.stage.take().isSilent).toBe(true);
  bench.sealed(1, ballot);
  expect(bench.keeper.elected).toEqual([ballot]);
});

test("who withdraws while the copy is on its way is not elected by it", () => {
  const bench = new NewConfiguration();
  const ballot = bench.win();
  bench.election.withdraw();
  bench.sealed(0, ballot);
  bench.sealed(1, ballot);
  expect(bench.keeper.elected).toEqual([]);
});
