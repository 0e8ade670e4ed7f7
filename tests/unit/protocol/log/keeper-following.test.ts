/**
 * A keeper as a follower: what it appends, what it takes for chosen, what it acks, and what it writes before
 * it says so. What it promises: keeper.test.ts.
 */
import { expect, test } from "bun:test";
import { type KeeperRecord, restoreKeeper } from "../../../../src/protocol/log/keeper.ts";
import { Replica } from "../../../../src/protocol/log/replica.ts";
import type { Operation } from "../../../../src/protocol/model/types.ts";
import { makeEntry } from "../../../../src/protocol/wire/operations.ts";
import { encodeState } from "../../../../src/protocol/wire/snapshots.ts";
import {
  ballotBy,
  ELECTION_MS,
  expectEach,
  expectFields,
  leaseOf,
  noops,
  submitOf,
} from "../../../support/roles.ts";
import { FIRST, FOUNDED, KeeperBench, SECOND, TAKEN_OVER } from "../../../support/keeper-bench.ts";

test("entries are written before their ack leaves", () => {
  const bench = new KeeperBench();
  const entries = noops(FIRST, 2);
  bench.append(FIRST, entries);
  const turn = bench.stage.take();
  expect(turn.effects.map(({ type }) => type)).toEqual(["persist", "send"]);
  expect(turn.records).toEqual([
    { type: "promise", p: 0, ballot: FIRST },
    { type: "append", p: 0, cfg: 1, prevIndex: 0, entries },
  ]);
  expectFields(turn.of("appendReply")[0], { to: 1, ballot: FIRST, ok: true, index: 2 });
});

test("an append below the promise is refused with the promise, and nothing is appended", () => {
  const bench = new KeeperBench();
  bench.prepare(2, SECOND);
  bench.stage.take();
  bench.append(FIRST, noops(FIRST, 1));
  const turn = bench.stage.take();
  expect(turn.of("refuse")).toEqual([{ type: "refuse", p: 0, ballot: FIRST, promised: SECOND, to: 1 }]);
  expect(turn.of("appendReply")).toEqual([]);
  expect(turn.records).toEqual([]);
  expect(bench.keeper.replica.lastIndex).toBe(0);
});

test("a snapshot below the promise is refused as well", () => {
  const bench = new KeeperBench();
  bench.prepare(2, SECOND);
  bench.stage.take();
  bench.snapshot(FIRST, { ballot: FIRST, index: 7 });
  expect(bench.stage.take().of("refuse")).toHaveLength(1);
  expect(bench.keeper.replica.lastIndex).toBe(0);
});

test("an append of a higher ballot ends the keeper's own term", () => {
  const bench = new KeeperBench();
  const { counter } = bench.beSteward();
  const higher = ballotBy(1, counter + 1);
  bench.append(higher, noops(higher, 2));
  expect(bench.keeper.term).toBe(null);
  expect(bench.keeper.replica.promised).toEqual(higher);
});

test("an append after a gap is answered with where the log ends, and nothing is written", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 3));
  bench.stage.take();
  bench.append(FIRST, noops(FIRST, 1), { prevIndex: 7, prevBallot: FIRST });
  const turn = bench.stage.take();
  expectFields(turn.of("appendReply")[0], { to: 1, ok: false, index: 3 });
  expect(turn.records).toEqual([]);
});

test("an append to a log that differs there is answered with what is chosen, and nothing is cut", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 4), { commit: 2 });
  bench.prepare(2, SECOND, { end: { ballot: FIRST, index: 9 } });
  bench.stage.take();
  bench.append(SECOND, noops(SECOND, 1), { prevIndex: 4, prevBallot: ballotBy(2, 7) });
  expectFields(bench.stage.take().of("appendReply")[0], { to: 2, ok: false, index: 2 });
  expect(bench.keeper.replica.lastIndex).toBe(4);
});

test("entries that differ are replaced, and what is written says after which entry", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 4), { commit: 2 });
  bench.stage.take();
  const own = noops(SECOND, 1);
  bench.append(SECOND, [...noops(FIRST, 1), ...own], { prevIndex: 2, prevBallot: FIRST });
  expect(bench.keeper.replica.end).toEqual({ ballot: SECOND, index: 4 });
  expect(bench.stage.take().records.at(-1)).toEqual({
    type: "append",
    p: 0,
    cfg: 1,
    prevIndex: 3,
    entries: own,
  });
});

test("a late repeat of an append is acked again, cuts nothing and writes nothing", () => {
  const bench = new KeeperBench();
  const entries = noops(FIRST, 4);
  bench.append(FIRST, entries);
  bench.stage.take();
  bench.append(FIRST, entries.slice(0, 2));
  const turn = bench.stage.take();
  expectFields(turn.of("appendReply")[0], { ok: true, index: 2 });
  expect(turn.records).toEqual([]);
  expect(bench.keeper.replica.lastIndex).toBe(4);
});

test("what a steward says is chosen counts only as far as the log is known to match the steward's", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 5));
  bench.append(SECOND, [], { prevIndex: 3, prevBallot: FIRST, commit: 5 });
  expect(bench.keeper.replica.commit).toBe(3);
});

test("what a heartbeat says is chosen counts as far as an append of the same term went", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 5));
  bench.append(FIRST, [], { prevIndex: 3, prevBallot: FIRST });
  expect(bench.keeper.heardTerm(SECOND, 5)).toBe(null);
  expect(bench.keeper.replica.commit).toBe(0);
  bench.append(SECOND, [], { prevIndex: 4, prevBallot: FIRST });
  expect(bench.keeper.heardTerm(SECOND, 5)).toBe(null);
  expect(bench.keeper.replica.commit).toBe(4);
});

test("a late append takes back nothing of what is known to match", () => {
  const bench = new KeeperBench();
  const entries = noops(FIRST, 5);
  bench.append(FIRST, entries);
  bench.append(FIRST, entries.slice(0, 2));
  bench.keeper.heardTerm(FIRST, 5);
  expect(bench.keeper.replica.commit).toBe(5);
});

test("a heartbeat of a term that is over is answered with the promise, and is no sign of a steward", () => {
  const bench = new KeeperBench();
  bench.prepare(2, SECOND);
  const { atMs } = bench.keeper.election;
  bench.stage.pass(10);
  expect(bench.keeper.heardTerm(FIRST, 1)).toEqual(SECOND);
  expect(bench.keeper.election.atMs).toBe(atMs);
});

test("an append puts the next election off", () => {
  const bench = new KeeperBench();
  bench.keeper.election.atMs = bench.stage.nowMs;
  bench.append(FIRST, noops(FIRST, 1));
  expect(bench.keeper.election.atMs - bench.stage.nowMs).toBeGreaterThanOrEqual(ELECTION_MS);
});

test("a snapshot is written whole before its ack leaves, part of one is not", () => {
  const bench = new KeeperBench();
  const data = encodeState(new Replica().tasks.toState());
  const end = { ballot: FIRST, index: 7 };
  const totalBytes = data.length;
  bench.snapshot(FIRST, end, { data: data.subarray(0, 1), totalBytes });
  const part = bench.stage.take();
  expect(part.records.map(({ type }) => type)).toEqual(["promise"]);
  expectFields(part.of("snapshotReply")[0], { to: 1, index: 7, receivedBytes: 1 });
  expect(part.of("appendReply")).toEqual([]);
  expect(bench.keeper.replica.lastIndex).toBe(0);
  bench.snapshot(FIRST, end, { data: data.subarray(1), offset: 1, totalBytes });
  const whole = bench.stage.take();
  expect(whole.records).toEqual([{ type: "snapshot", p: 0, cfg: 1, end, state: data }]);
  expectFields(whole.of("appendReply")[0], { to: 1, ok: true, index: 7 });
  expect(bench.keeper.replica.end).toEqual(end);
});

test("what all keepers have, by the steward's word, is forgotten, and nothing more", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 100), { commit: 100, logFloor: 90 });
  bench.keeper.tick();
  expect(bench.keeper.replica.base.index).toBe(90);
});

test("a late snapshot takes nothing from a log that reaches further: what is behind it may be acked", () => {
  const bench = new KeeperBench();
  bench.append(FIRST, noops(FIRST, 9));
  bench.stage.take();
  bench.snapshot(FIRST, { ballot: FIRST, index: 7 });
  expect(bench.keeper.replica.lastIndex).toBe(9);
  const turn = bench.stage.take();
  expect(turn.records).toEqual([]);
  expectFields(turn.of("appendReply")[0], { ok: true, index: 7 });
});

test("an ack says for how long a condemned session has been silent, heard again or not", () => {
  const bench = new KeeperBench();
  const session = { node: 2, boot: 1, n: 1 };
  bench.stage.liveness.heard(2, 1);
  bench.stage.pass(3000);
  const ops: Operation[] = [submitOf("t"), leaseOf("t", 2), { type: "condemn", session }];
  const entries = ops.map((op) => makeEntry(FIRST, op));
  bench.append(FIRST, entries);
  const { silences } = bench.stage.take().of("appendReply")[0]!;
  expect(silences).toEqual([{ session, index: 3, elapsedMs: 3000, fate: "silent" }]);
  bench.stage.liveness.heard(2, 1);
  bench.stage.pass(100);
  bench.append(FIRST, entries);
  expectFields(bench.stage.take().of("appendReply")[0]!.silences[0], { elapsedMs: 3100 });
});

// ---- a new configuration ----------------------------------------------------------------------------------

test("a copy is whole when it has the base and the term's first entry, and that is written last", () => {
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER] });
  const ballot = ballotBy(1, 5, 2);
  bench.stage.pass(5000);
  bench.append(ballot, noops(ballot, 3), { first: 4 });
  expect(bench.keeper.isInstalled).toBe(false);
  bench.stage.take();
  bench.append(ballot, noops(ballot, 1), { first: 4, prevIndex: 3, prevBallot: ballot });
  expect(bench.keeper.isInstalled).toBe(true);
  expect(bench.keeper.installedAtMs).toBe(bench.stage.nowMs);
  expect(bench.stage.take().records.map(({ type }) => type)).toEqual(["append", "install"]);
});

test("no silence counts from before the copy was whole", () => {
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER] });
  const ballot = ballotBy(1, 5, 2);
  bench.stage.pass(3000);
  const session = { node: 2, boot: 1, n: 1 };
  const ops: Operation[] = [submitOf("t"), leaseOf("t", 2), { type: "condemn", session }];
  const entries = ops.map((op) => makeEntry(ballot, op));
  bench.append(ballot, entries, { first: 9 });
  bench.stage.pass(3000);
  bench.append(ballot, entries, { first: 9 });
  const silences = bench.stage.take().of("appendReply").flatMap((reply) => reply.silences);
  expect(silences.map(({ elapsedMs }) => elapsedMs)).toEqual([0, 0]);
});

test("who kept the partition before begins with its old copy, and writes it", () => {
  const old = new Replica();
  for (const entry of noops(FIRST, 6)) old.append(entry);
  old.commitTo(4);
  const predecessor = { cfg: 1, isInstalled: true, isSteward: false, replica: old };
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER], predecessors: [predecessor] });
  const ballot = ballotBy(1, 9, 2);
  bench.append(ballot, noops(ballot, 1), { prevIndex: 6, prevBallot: FIRST, first: 7 });
  const turn = bench.stage.take();
  expectFields(turn.of("appendReply")[0], { ok: true, index: 7 });
  expect(turn.records.map(({ type }) => type)).toEqual([
    "promise",
    "snapshot",
    "append",
    "append",
    "install",
  ]);
  expectFields(turn.records[1], { cfg: 2, end: { ballot: FIRST, index: 4 } });
  expectFields(turn.records[2], { cfg: 2, prevIndex: 4 });
});

test("who kept the partition before needs no snapshot of what its old copy has", () => {
  const old = new Replica();
  for (const entry of noops(FIRST, 6)) old.append(entry);
  const predecessor = { cfg: 1, isInstalled: true, isSteward: false, replica: old };
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER], predecessors: [predecessor] });
  bench.snapshot(ballotBy(1, 9, 2), { ballot: FIRST, index: 4 }, { first: 7 });
  expectFields(bench.stage.take().of("appendReply")[0], { ok: true, index: 4 });
  expect(bench.keeper.replica.end).toEqual({ ballot: FIRST, index: 6 });
});

test("a log that comes from its first entry on is not laid over an old copy", () => {
  const old = new Replica();
  for (const entry of noops(FIRST, 6)) old.append(entry);
  const predecessor = { cfg: 1, isInstalled: true, isSteward: false, replica: old };
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER], predecessors: [predecessor] });
  const ballot = ballotBy(1, 9, 2);
  bench.append(ballot, noops(ballot, 1));
  expect(bench.stage.take().records.map(({ type }) => type)).toEqual(["promise", "append", "install"]);
  expect(bench.keeper.replica.end).toEqual({ ballot, index: 1 });
});

test("an old copy that was never whole is no beginning", () => {
  const old = new Replica();
  for (const entry of noops(FIRST, 6)) old.append(entry);
  const predecessor = { cfg: 1, isInstalled: false, isSteward: false, replica: old };
  const bench = new KeeperBench({ chain: [FOUNDED, TAKEN_OVER], predecessors: [predecessor] });
  const ballot = ballotBy(1, 9, 2);
  bench.append(ballot, noops(ballot, 1), { prevIndex: 6, prevBallot: FIRST, first: 7 });
  expectFields(bench.stage.take().of("appendReply")[0], { ok: false, index: 0 });
});

// ---- what was durable -------------------------------------------------------------------------------------

test("what a keeper wrote brings back what it promised, has, and was sealed by", () => {
  const chain = [FOUNDED, TAKEN_OVER];
  const bench = new KeeperBench({ chain });
  const [first, second] = [ballotBy(1, 5, 2), ballotBy(2, 8, 2)];
  bench.append(first, noops(first, 4), { commit: 2, first: 1 });
  bench.append(second, noops(second, 1), { prevIndex: 3, prevBallot: first });
  bench.prepare(1, ballotBy(1, 12, 2), { end: { ballot: second, index: 4 } });
  bench.seal(ballotBy(2, 1, 3));
  const after = new KeeperBench({ chain });
  for (const record of bench.stage.take().records) restoreKeeper(after.keeper, record as KeeperRecord);
  expect(after.keeper.replica.promised).toEqual(ballotBy(1, 12, 2));
  expect(after.keeper.replica.end).toEqual({ ballot: second, index: 4 });
  expect([after.keeper.isInstalled, after.keeper.seal.by]).toEqual([true, [3]]);
});

test("a log with a hole is not restored", () => {
  const record = { type: "append", p: 0, cfg: 1, prevIndex: 3, entries: noops(FIRST, 1) } as const;
  expect(() => restoreKeeper(new KeeperBench().keeper, record)).toThrow("p0 is stored to 0, then from 3");
});

test("the store gets the chosen state when entries have cost as much, and the log in memory stays", () => {
  const bench = new KeeperBench({ options: { compactBytes: 10 } });
  bench.append(FIRST, noops(FIRST, 8), { commit: 6 });
  bench.stage.take();
  bench.keeper.tick();
  expect(bench.stage.take().records).toEqual([]);
  bench.append(FIRST, noops(FIRST, 8), { prevIndex: 8, prevBallot: FIRST, commit: 6 });
  bench.stage.take();
  bench.keeper.tick();
  const { records } = bench.stage.take();
  expectEach(records, [{ type: "compact", p: 0, cfg: 1, end: { ballot: FIRST, index: 6 } }]);
  expect(bench.keeper.replica.base.index).toBe(0);
  bench.keeper.tick();
  expect(bench.stage.take().records).toEqual([]);
});
