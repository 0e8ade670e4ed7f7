/**
 * What a steward sends to a follower that keeps up, to one that lags, and to one that lags too far. What it
 * takes for chosen: term.test.ts.
 */
import { expect, test } from "bun:test";
import type { EngineOptions } from "../../../../src/protocol/model/contract.ts";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import { decodeState } from "../../../../src/protocol/wire/snapshots.ts";
import { ELECTION_MS, expectEach, expectFields, noops, RESEND_MS, submitOf } from "../../../support/roles.ts";
import { appendsOf, OLDER, OWN, TermBench } from "../../../support/term-bench.ts";

test("what is proposed in one step is one record, and one append for each follower", () => {
  const bench = TermBench.begun();
  bench.propose(3);
  const turn = bench.step();
  expect(turn.records).toHaveLength(1);
  expect(appendsOf(turn)).toEqual(["1: 2-4", "2: 2-4"]);
});

test("nothing is sent twice to a follower that follows", () => {
  const bench = TermBench.begun();
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 2-2", "2: 2-2"]);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 3-3", "2: 3-3"]);
});

test("what a follower missed while it was not connected goes to it when it is", () => {
  const bench = TermBench.begun();
  bench.stage.disconnect(2);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 2-2"]);
  bench.stage.connect(2);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 3-3", "2: 2-3"]);
});

test("to a congested follower appends wait in the log", () => {
  const bench = TermBench.begun();
  bench.reply(1, 1);
  bench.reply(2, 1);
  bench.step();
  bench.stage.context.congested.add(2);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 2-2"]);
  bench.stage.context.congested.delete(2);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 3-3", "2: 2-3"]);
});

test("a congested follower of which nothing is known gets one append a step", () => {
  const bench = TermBench.begun({ voters: [0, 1], options: { appendBytesMax: 1 } });
  bench.stage.context.congested.add(1);
  bench.propose(3);
  expect(appendsOf(bench.step())).toEqual(["1: 2-2"]);
});

test("so many entries and no more are on their way to a follower that has not acked them", () => {
  const bench = TermBench.begun({ voters: [0, 1] });
  bench.reply(1, 1);
  bench.propose(LIMITS.entriesInFlightMax + 1);
  bench.step();
  bench.propose();
  expect(appendsOf(bench.step())).toEqual([]);
  bench.reply(1, 100);
  expect(appendsOf(bench.step())).toEqual([`1: ${LIMITS.entriesInFlightMax + 3}-8195`]);
});

test("an append has as many bytes as it may have, and one entry at least", () => {
  const bench = new TermBench({ voters: [0, 1], options: { appendBytesMax: 1 } });
  bench.term.begin();
  bench.term.propose(submitOf("t"));
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 1-1", "1: 2-2", "1: 3-3"]);
});

// ---- followers that lag -----------------------------------------------------------------------------------

test("a silent follower gets one append after each resend time, from where it matches", () => {
  const bench = TermBench.begun({ options: { appendBytesMax: 1 } });
  bench.reply(1, 1);
  bench.reply(2, 1);
  bench.propose(5);
  bench.step();
  bench.reply(1, 6);
  bench.stage.pass(RESEND_MS - 1);
  expect(appendsOf(bench.tick())).toEqual([]);
  bench.stage.pass(1);
  expect(appendsOf(bench.tick())).toEqual(["2: 2-2"]);
  expect(appendsOf(bench.tick())).toEqual([]);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 7-7"]);
  bench.reply(1, 7);
  bench.stage.pass(RESEND_MS);
  expect(appendsOf(bench.tick())).toEqual(["2: 2-2"]);
});

test("a follower whose acks come is not silent, however far behind it is", () => {
  const bench = TermBench.begun({ voters: [0, 1] });
  bench.propose(5);
  bench.step();
  bench.stage.pass(RESEND_MS - 1);
  bench.reply(1, 3);
  bench.step();
  bench.stage.pass(RESEND_MS - 1);
  expect(appendsOf(bench.tick())).toEqual([]);
  bench.stage.pass(1);
  expect(appendsOf(bench.tick())).toEqual(["1: 4-6"]);
});

test("a silent follower of which nothing is known is only asked", () => {
  const bench = TermBench.begun({ entries: noops(OLDER, 9) });
  bench.stage.pass(RESEND_MS);
  const turn = bench.tick();
  expect(appendsOf(turn)).toEqual(["1: -", "2: -"]);
  expectFields(turn.of("append")[0], { prevIndex: 10, prevBallot: OWN });
});

test("who has the whole log is left alone", () => {
  const bench = TermBench.begun();
  bench.reply(1, 1);
  bench.reply(2, 1);
  bench.step();
  bench.stage.pass(10 * RESEND_MS);
  expect(appendsOf(bench.tick())).toEqual([]);
});

test("a follower that refused is sent one append from where it says that its log ends", () => {
  const bench = TermBench.begun({ entries: noops(OLDER, 5), options: { appendBytesMax: 1 } });
  bench.reply(1, 2, { ok: false });
  expect(appendsOf(bench.step())).toEqual(["1: 3-3"]);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["2: 7-7"]);
});

test("late refusals of what was sent before start nothing", () => {
  const bench = TermBench.begun({ entries: noops(OLDER, 5) });
  bench.reply(1, 2, { ok: false });
  bench.step();
  for (let i = 0; i < 10; i++) bench.reply(1, 2, { ok: false });
  expect(appendsOf(bench.step())).toEqual([]);
});

test("a refusal is not believed below what the follower acked in this term", () => {
  const bench = TermBench.begun();
  bench.propose(4);
  bench.step();
  bench.reply(1, 3);
  bench.reply(1, 0, { ok: false });
  expect(appendsOf(bench.step())).toEqual(["1: 4-5"]);
});

test("who refused gets one append at a time until it has what the log had then", () => {
  const bench = TermBench.begun({ voters: [0, 1], entries: noops(OLDER, 3), options: { appendBytesMax: 1 } });
  bench.reply(1, 1, { ok: false });
  bench.step();
  bench.propose(2);
  for (const at of [2, 3]) {
    bench.reply(1, at);
    expect(appendsOf(bench.step())).toEqual([`1: ${at + 1}-${at + 1}`]);
  }
  bench.reply(1, 4);
  expect(appendsOf(bench.step())).toEqual(["1: 5-5", "1: 6-6"]);
});

test("what was acked does not go again, although something older was refused", () => {
  const bench = TermBench.begun({ voters: [0, 1], options: { appendBytesMax: 1 } });
  bench.propose(4);
  bench.step();
  bench.reply(1, 0, { ok: false });
  bench.step();
  bench.reply(1, 5);
  expect(appendsOf(bench.step())).toEqual([]);
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 6-6"]);
});

test("what all followers have, and nothing more, is announced and forgotten", () => {
  const bench = TermBench.begun({ options: { logEntriesMax: 32 } });
  bench.propose(9);
  bench.step();
  bench.reply(1, 10);
  bench.reply(2, 6);
  bench.step();
  bench.propose();
  expect(bench.step().of("append").map(({ logFloor }) => logFloor)).toEqual([6, 6]);
  bench.tick();
  expect(bench.replica.base.index).toBe(6);
});

// ---- snapshots --------------------------------------------------------------------------------------------

/** Follower 2 was silent while the log went on to 10; of what it needs, 1 to 6 are forgotten. It is asked. */
function trimmed(options: Partial<EngineOptions> = {}): TermBench {
  const bench = TermBench.begun({ options: { logEntriesMax: 4, ...options } });
  bench.term.propose(submitOf("t"));
  bench.propose(8);
  bench.step();
  bench.reply(1, 10);
  bench.step();
  bench.stage.pass(RESEND_MS);
  bench.tick();
  expect(bench.replica.base.index).toBe(6);
  return bench;
}

/** The same; it has said that it has nothing, and was sent the first 10 bytes of a snapshot. */
function sending(): TermBench {
  const bench = trimmed({ snapshotChunkBytes: 10 });
  bench.reply(2, 0, { ok: false });
  expectEach(bench.step().of("snapshot"), [{ to: 2, offset: 0 }]);
  return bench;
}

test("a follower too far behind gets the chosen state, one that is not gets entries", () => {
  const bench = trimmed();
  bench.propose();
  bench.step();
  bench.reply(2, 5, { ok: false });
  const turn = bench.step();
  expect(appendsOf(turn)).toEqual([]);
  const [snapshot] = turn.of("snapshot");
  const end = { ballot: OWN, index: 10 };
  expectFields(snapshot, { to: 2, ballot: OWN, end, first: 1, offset: 0 });
  expect(decodeState(snapshot!.data).records.map(({ spec }) => spec.id)).toEqual(["t"]);
  const near = trimmed();
  near.reply(2, 6, { ok: false });
  expect(appendsOf(near.step())).toEqual(["2: 7-10"]);
});

test("a snapshot goes chunk by chunk, the next when the one before has come, and once", () => {
  const bench = sending();
  bench.stage.pass(RESEND_MS);
  const chunks = [...bench.tick().of("snapshot")];
  const { totalBytes } = chunks[0]!;
  for (let offset = 10; offset < totalBytes; offset += 10) {
    for (let i = 0; i < 2; i++) bench.received(2, 10, offset);
    const next = bench.step().of("snapshot");
    expectEach(next, [{ to: 2, offset, totalBytes }]);
    chunks.push(...next);
  }
  expect(chunks.slice(0, -1).map(({ data }) => data.length)).toEqual(chunks.slice(1).map(() => 10));
  const state = decodeState(Buffer.concat(chunks.map(({ data }) => data)));
  expect(state.records.map(({ spec }) => spec.id)).toEqual(["t"]);
});

test("an answer about another snapshot, of another follower, or beyond the end starts no chunk", () => {
  const bench = sending();
  bench.received(2, 9, 20);
  bench.received(2, 10, 1_000_000);
  bench.received(1, 10, 20);
  expect(bench.step().of("snapshot")).toEqual([]);
});

test("a follower that comes back too late gets one snapshot, not one with every step", () => {
  const bench = TermBench.begun({ voters: [0, 1, 2], options: { logEntriesMax: 4 } });
  bench.reply(2, 1);
  bench.stage.disconnect(2);
  bench.propose(9);
  bench.step();
  bench.reply(1, 10);
  bench.step();
  bench.tick();
  bench.stage.connect(2);
  bench.propose();
  expectEach(bench.step().of("snapshot"), [{ to: 2, offset: 0 }]);
  bench.propose();
  const turn = bench.step();
  expect(turn.of("snapshot")).toEqual([]);
  expect(appendsOf(turn)).toEqual(["1: 12-12"]);
});

test("a chunk of a snapshot that got lost goes again after the resend time, entries wait", () => {
  const bench = sending();
  bench.stage.pass(300);
  bench.received(2, 10, 10);
  bench.step();
  bench.propose();
  expect(appendsOf(bench.step())).toEqual(["1: 11-11"]);
  bench.stage.pass(RESEND_MS - 1);
  expect(bench.tick().of("snapshot")).toEqual([]);
  bench.stage.pass(1);
  expectEach(bench.tick().of("snapshot"), [{ to: 2, offset: 10 }]);
});

test("who lost what it had of a snapshot gets it from where it is", () => {
  const bench = sending();
  bench.received(2, 10, 10);
  bench.received(2, 10, 0);
  bench.step();
  bench.stage.pass(RESEND_MS);
  expectEach(bench.tick().of("snapshot"), [{ to: 2, offset: 0 }]);
});

test("an answer about a chunk of a snapshot is an answer: who gets one is no lost follower", () => {
  const bench = sending();
  bench.stage.pass(ELECTION_MS);
  bench.received(2, 10, 10);
  expect(bench.term.hasLostMajority()).toBe(false);
});

test("who has the snapshot is sent the entries behind it", () => {
  const bench = sending();
  bench.propose(2);
  bench.step();
  bench.reply(2, 10);
  const turn = bench.step();
  expect(appendsOf(turn)).toEqual(["2: 11-12"]);
  expect(turn.of("snapshot")).toEqual([]);
});
