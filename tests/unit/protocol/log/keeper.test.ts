/**
 * What a keeper promises, how its term begins and ends, and the end of its configuration. As a follower:
 * keeper-following.test.ts. Its own standing: election.test.ts.
 */
import { expect, test } from "bun:test";
import { ballotBy, ELECTION_MS, expectFields, noops } from "../../../support/roles.ts";
import { FIRST, FOUNDED, KeeperBench, NOTHING, SECOND, TAKEN_OVER } from "../../../support/keeper-bench.ts";

// ---- promises ---------------------------------------------------------------------------------------------

test("a promise is written before its answer leaves", () => {
  const bench = new KeeperBench();
  bench.prepare(1, FIRST);
  const turn = bench.stage.take();
  expect(turn.effects.map(({ type }) => type)).toEqual(["persist", "send"]);
  expect(turn.records).toEqual([{ type: "promise", p: 0, ballot: FIRST }]);
  expectFields(turn.of("promise")[0], { to: 1, ballot: FIRST, answer: "granted" });
});

test("the first question raises no promise and is not written", () => {
  const bench = new KeeperBench();
  bench.prepare(1, FIRST, { pre: true });
  const turn = bench.stage.take();
  expectFields(turn.of("promise")[0], { to: 1, pre: true, answer: "granted" });
  expect(turn.records).toEqual([]);
  expect(bench.keeper.replica.promised).toBe(null);
});

test.each([false, true])("a ballot below the promise is refused with the promise (pre: %p)", (pre) => {
  const bench = new KeeperBench();
  bench.prepare(2, SECOND);
  bench.stage.take();
  bench.prepare(1, FIRST, { pre });
  const turn = bench.stage.take();
  expectFields(turn.of("promise")[0], { to: 1, answer: "promised", promised: SECOND });
  expect(turn.records).toEqual([]);
  expect(bench.keeper.replica.promised).toEqual(SECOND);
});

test("a keeper with a whole copy gives one promise of a ballot, not two", () => {
  const bench = new KeeperBench();
  bench.prepare(1, FIRST);
  bench.stage.take();
  bench.prepare(1, FIRST);
  expectFields(bench.stage.take().of("promise")[0], { answer: "promised" });
});

test("a keeper without a whole copy gives its promise again, and writes it once", () => {
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER] });
  const ballot = ballotBy(1, 5, 2);
  bench.prepare(1, ballot);
  expect(bench.stage.take().records).toHaveLength(1);
  bench.prepare(1, ballot);
  const again = bench.stage.take();
  expectFields(again.of("promise")[0], { answer: "granted" });
  expect(again.records).toEqual([]);
});

test("who promises does not stand itself before an election time has passed", () => {
  const bench = new KeeperBench();
  bench.keeper.election.atMs = bench.stage.nowMs;
  bench.prepare(1, FIRST);
  expect(bench.keeper.election.atMs - bench.stage.nowMs).toBeGreaterThanOrEqual(ELECTION_MS);
});

test("a promise to another outbids the keeper's own candidacy", () => {
  const bench = new KeeperBench();
  bench.keeper.election.stand(false);
  bench.prepare(1, FIRST);
  expect(bench.keeper.election.isStanding).toBe(false);
});

test("within an election time after its steward was heard it would promise to nobody else", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 1));
  const end = { ballot: FIRST, index: 1 };
  bench.stage.pass(ELECTION_MS - 1);
  bench.stage.take();
  bench.prepare(2, SECOND, { pre: true, end });
  expectFields(bench.stage.take().of("promise")[0], { answer: "loyal" });
  bench.stage.pass(1);
  bench.prepare(2, SECOND, { pre: true, end });
  expectFields(bench.stage.take().of("promise")[0], { answer: "granted" });
});

test("a steward would promise to nobody, but for itself", () => {
  const bench = new KeeperBench();
  const { counter } = bench.beSteward();
  bench.stage.pass(10 * ELECTION_MS);
  bench.stage.take();
  const end = { ballot: ballotBy(0, counter), index: 1 };
  bench.prepare(2, ballotBy(2, counter + 1), { pre: true, end });
  bench.prepare(0, ballotBy(0, counter + 1), { pre: true, end });
  expect(bench.stage.take().of("promise").map(({ to, answer }) => [to, answer])).toEqual([
    [0, "granted"],
    [2, "loyal"],
  ]);
});

test("loyalty is asked about and promises are not: the real question counts, for a term handed over", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 1));
  bench.stage.take();
  bench.prepare(2, SECOND, { end: { ballot: FIRST, index: 1 } });
  expectFields(bench.stage.take().of("promise")[0], { answer: "granted" });
});

test("a steward whose connection closed is waited for no more", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 1));
  bench.keeper.stewardGone();
  expect(bench.keeper.election.atMs - bench.stage.nowMs).toBeLessThan(ELECTION_MS / 20);
  bench.stage.take();
  bench.prepare(2, SECOND, { pre: true, end: { ballot: FIRST, index: 1 } });
  expectFields(bench.stage.take().of("promise")[0], { answer: "granted" });
});

test("a candidate with a shorter log gets no promise, and the keeper stands soon itself", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 3));
  bench.stage.pass(ELECTION_MS);
  bench.stage.take();
  bench.prepare(2, SECOND, { end: { ballot: FIRST, index: 2 } });
  const turn = bench.stage.take();
  expectFields(turn.of("promise")[0], { answer: "ahead" });
  expect(turn.records).toEqual([]);
  expect(bench.keeper.election.atMs - bench.stage.nowMs).toBeLessThan(ELECTION_MS / 20);
});

test("the ballot of the last entry says which log is ahead, before the length does", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 3));
  bench.stage.pass(ELECTION_MS);
  for (
    const [end, answer] of [
      [{ ballot: ballotBy(1, 4), index: 99 }, "ahead"],
      [{ ballot: FIRST, index: 3 }, "granted"],
      [{ ballot: ballotBy(1, 6), index: 1 }, "granted"],
    ] as const
  ) {
    bench.stage.take();
    bench.prepare(2, SECOND, { pre: true, end });
    expectFields(bench.stage.take().of("promise")[0], { answer });
  }
});

test("a copy that is not whole counts as empty, in what it asks for and in what it answers", () => {
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER] });
  const ballot = ballotBy(1, 5, 2);
  bench.append(ballot, noops(ballot, 3), { first: 9 });
  expect(bench.keeper.replica.lastIndex).toBe(3);
  bench.stage.take();
  bench.prepare(2, ballotBy(2, 8, 2));
  bench.keeper.election.stand(true);
  const turn = bench.stage.take();
  expectFields(turn.of("promise")[0], { answer: "granted" });
  expect(turn.of("prepare")[0]!.end).toEqual(NOTHING);
});

test("a steward that promises a higher ballot steps down, and its term is over", () => {
  const bench = new KeeperBench();
  const { counter } = bench.beSteward();
  const higher = ballotBy(1, counter + 1);
  bench.prepare(1, higher, { end: { ballot: ballotBy(0, counter), index: 1 } });
  expect(bench.keeper.term).toBe(null);
  expect(bench.office.calls.at(-1)).toBe("end");
});

// ---- elected ----------------------------------------------------------------------------------------------

test("who is elected begins with an entry of its own, which is written", () => {
  const bench = new KeeperBench();
  const ballot = bench.beSteward();
  expect(bench.keeper.isSteward).toBe(true);
  expect(bench.office.calls).toEqual(["begin"]);
  const turn = bench.stage.take();
  expect(turn.records.map(({ type }) => type)).toEqual(["promise", "append"]);
  expect(turn.appended).toEqual([{ index: 1, ballot, op: { type: "noop" } }]);
});

test("who is elected first in a new configuration has a whole copy by that, and that is written", () => {
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER] });
  bench.stage.pass(5000);
  const ballot = ballotBy(0, 1, 2);
  expect(bench.keeper.isInstalled).toBe(false);
  bench.keeper.elect(ballot);
  expect(bench.keeper.isInstalled).toBe(true);
  expect(bench.keeper.silenceFloorMs).toBe(bench.stage.nowMs);
  expect(bench.stage.take().records.map(({ type }) => type)).toEqual(["append", "install"]);
});

test("a steward that a majority no longer answers steps down and does not stand for an election time", () => {
  const bench = new KeeperBench();
  bench.beSteward();
  bench.stage.pass(0.7 * ELECTION_MS);
  bench.keeper.tick();
  expect(bench.keeper.isSteward).toBe(true);
  bench.stage.pass(1);
  bench.keeper.tick();
  expect(bench.keeper.isSteward).toBe(false);
  expect(bench.keeper.election.atMs - bench.stage.nowMs).toBeGreaterThanOrEqual(ELECTION_MS);
});

test("a steward refused for a higher ballot steps down; late or lower refusals do nothing", () => {
  const bench = new KeeperBench();
  const ballot = bench.beSteward();
  const higher = ballotBy(2, ballot.counter + 1);
  bench.keeper.onRefuse({ ...ballot, counter: ballot.counter - 1 }, higher);
  bench.keeper.onRefuse(ballot, ballot);
  expect(bench.keeper.isSteward).toBe(true);
  bench.keeper.onRefuse(ballot, higher);
  expect(bench.keeper.isSteward).toBe(false);
  bench.stage.take();
  bench.keeper.election.stand(true);
  expect(bench.stage.take().of("prepare")[0]!.ballot.counter).toBe(higher.counter + 1);
});

test("who resigns hands the term to the keeper with the longest log, and has none any more", () => {
  const bench = new KeeperBench();
  const ballot = bench.beSteward();
  const reply = { type: "appendReply", p: 0, ballot, ok: true, index: 1, silences: [] } as const;
  bench.keeper.term!.onAppendReply(2, reply);
  bench.stage.take();
  bench.keeper.resign();
  expect(bench.stage.take().of("transfer")).toEqual([{ type: "transfer", p: 0, ballot, to: 2 }]);
  expect(bench.keeper.isSteward).toBe(false);
});

test("who is handed a term asks for promises at once, by a term that is over it is not", () => {
  const bench = new KeeperBench();
  bench.prepare(2, SECOND);
  bench.stage.take();
  bench.keeper.onTransfer(1, { type: "transfer", p: 0, ballot: FIRST });
  expect(bench.stage.take().isSilent).toBe(true);
  bench.keeper.onTransfer(2, { type: "transfer", p: 0, ballot: SECOND });
  expect(bench.stage.take().of("prepare").map(({ pre }) => pre)).toEqual([false, false, false]);
});

test("a steward whose own loop stood still does not take that for the silence of the others", () => {
  const bench = new KeeperBench();
  bench.beSteward();
  bench.stage.pass(0.7 * ELECTION_MS + 500);
  bench.keeper.addStall(500);
  bench.keeper.tick();
  expect(bench.keeper.isSteward).toBe(true);
});

test("a keeper whose loop stood still stands so much later", () => {
  const bench = new KeeperBench();
  const { atMs } = bench.keeper.election;
  bench.keeper.addStall(700);
  expect(bench.keeper.election.atMs).toBe(atMs + 700);
});

// ---- the end of the configuration -------------------------------------------------------------------------

test("a seal is written before its answer leaves, which shows where the log ends", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 3));
  bench.stage.take();
  bench.seal(ballotBy(2, 1, 2));
  const turn = bench.stage.take();
  expect(turn.effects.map(({ type }) => type)).toEqual(["persist", "send"]);
  expect(turn.records).toEqual([{ type: "seal", p: 0, cfg: 1, by: [2] }]);
  const end = { ballot: FIRST, index: 3 };
  expectFields(turn.of("sealed")[0], { to: 2, cfg: 1, isInstalled: true, by: [], end });
});

test("a sealed keeper promises nothing, however high the ballot", () => {
  const bench = new KeeperBench();
  bench.seal(ballotBy(2, 1, 2));
  bench.stage.take();
  for (const pre of [true, false]) bench.prepare(1, ballotBy(1, 1_000_000), { pre });
  const turn = bench.stage.take();
  expect(turn.of("promise").map(({ answer }) => answer)).toEqual(["promised", "promised"]);
  expect(turn.of("promise")[0]!.promised!.cfg).toBe(2);
  expect(turn.records).toEqual([]);
});

test("a sealed keeper appends nothing, neither entries nor snapshots, and commits nothing", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 3));
  bench.seal(ballotBy(2, 1, 2));
  bench.stage.take();
  bench.append(FIRST, noops(FIRST, 1), { prevIndex: 3, prevBallot: FIRST, commit: 3 });
  bench.snapshot(FIRST, { ballot: FIRST, index: 7 });
  expectFields(bench.keeper.heardTerm(FIRST, 3), { cfg: 2 });
  const turn = bench.stage.take();
  expect(turn.of("refuse")).toHaveLength(2);
  expect(turn.of("appendReply")).toEqual([]);
  expect(turn.records).toEqual([]);
  expect([bench.keeper.replica.lastIndex, bench.keeper.replica.commit]).toEqual([3, 0]);
});

test("a sealed keeper vouches for nobody", () => {
  const bench = new KeeperBench();
  expect(bench.keeper.isServing).toBe(true);
  bench.seal(ballotBy(2, 1, 2));
  expect(bench.keeper.isServing).toBe(false);
});

test("a keeper without a whole copy vouches for nobody", () => {
  expect(new KeeperBench({ chain: [FOUNDED, TAKEN_OVER] }).keeper.isServing).toBe(false);
});

test("a sealed keeper does not stand, nor does what it had begun elect it", () => {
  const bench = new KeeperBench();
  bench.keeper.election.stand(false);
  const { ballot } = bench.stage.take().of("prepare")[0]!;
  bench.prepare(0, ballot);
  bench.seal(ballotBy(2, 1, 2));
  for (const from of [0, 1, 2]) bench.grant(from, ballot);
  expect(bench.keeper.isSteward).toBe(false);
  bench.stage.take();
  bench.stage.pass(100 * ELECTION_MS);
  bench.keeper.tick();
  bench.keeper.onTransfer(1, { type: "transfer", p: 0, ballot: FIRST });
  expect(bench.stage.take().of("prepare")).toEqual([]);
});

test("a steward that is sealed steps down", () => {
  const bench = new KeeperBench();
  bench.beSteward();
  bench.seal(ballotBy(2, 1, 2));
  expect(bench.keeper.term).toBe(null);
});

test("a seal by a configuration that is not newer does nothing", () => {
  const bench = new KeeperBench();
  bench.seal(ballotBy(2, 1, 1));
  expect(bench.keeper.isSealed).toBe(false);
  expect(bench.stage.take().isSilent).toBe(true);
});

test("a copy is handed over by a sealed keeper that has a whole one, and by no other", () => {
  const fetch = { type: "fetchCopy", p: 0, ballot: ballotBy(2, 1, 3), offset: 0 } as const;
  const open = new KeeperBench();
  open.keeper.onFetch(2, { ...fetch, cfg: 1 });
  expect(open.stage.take().of("copyChunk")).toEqual([]);
  open.seal(ballotBy(2, 1, 3));
  open.keeper.onFetch(2, { ...fetch, cfg: 1 });
  expect(open.stage.take().of("copyChunk")).toHaveLength(1);
  const partial = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER] });
  partial.seal(ballotBy(2, 1, 3));
  partial.keeper.onFetch(2, { ...fetch, cfg: 2 });
  expect(partial.stage.take().of("copyChunk")).toEqual([]);
});
