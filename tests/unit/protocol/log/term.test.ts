/**
 * A steward's term: how it begins and ends, what it takes for chosen, when it has lost its majority, and when
 * it hands over. What it sends to followers: term-followers.test.ts.
 */
import { expect, test } from "bun:test";
import { ballotBy, ELECTION_MS, expectFields, HEARTBEAT_MS, noops } from "../../../support/roles.ts";
import { appendsOf, OLDER, OWN, TermBench } from "../../../support/term-bench.ts";

test("a term begins with an entry of its own, which is written and goes to all who follow", () => {
  const bench = new TermBench({ entries: noops(OLDER, 2), commit: 1 });
  bench.term.begin();
  const turn = bench.step();
  expect(turn.appended).toEqual([{ index: 3, ballot: OWN, op: { type: "noop" } }]);
  expect(appendsOf(turn)).toEqual(["1: 3-3", "2: 3-3"]);
  const fields = { ballot: OWN, prevIndex: 2, prevBallot: OLDER, commit: 1, first: 3, logFloor: 0 };
  expectFields(turn.of("append")[0], fields);
  expect(turn.effects.map(({ type }) => type)).toEqual(["persist", "send", "send"]);
});

// ---- what is chosen ---------------------------------------------------------------------------------------

test("an entry is chosen when a majority has it, the steward included, and not before", () => {
  const bench = TermBench.begun({ voters: [0, 1, 2, 3, 4] });
  bench.propose();
  bench.reply(1, 2);
  bench.step();
  expect(bench.commit).toBe(0);
  bench.reply(2, 1);
  bench.step();
  expect(bench.commit).toBe(1);
  bench.reply(3, 2);
  bench.step();
  expect(bench.commit).toBe(2);
});

test("a keeper alone chooses at the end of the step", () => {
  const bench = new TermBench({ voters: [0] });
  bench.term.begin();
  expect(bench.commit).toBe(0);
  bench.step();
  expect(bench.commit).toBe(1);
});

test("an entry of an older term is chosen only with one of this term (Raft, figure 8)", () => {
  const bench = TermBench.begun({ entries: noops(OLDER, 2) });
  bench.reply(1, 2);
  bench.reply(2, 2);
  bench.step();
  expect(bench.commit).toBe(0);
  bench.reply(2, 3);
  bench.step();
  expect(bench.commit).toBe(3);
});

test("a term is active when its first entry is chosen", () => {
  const bench = TermBench.begun({ entries: noops(OLDER, 2), commit: 2 });
  expect(bench.term.isActive).toBe(false);
  bench.reply(1, 3);
  bench.step();
  expect(bench.term.isActive).toBe(true);
});

test("what a member that keeps nothing here says of its log does not count", () => {
  const bench = TermBench.begun();
  bench.reply(3, 1);
  bench.reply(4, 1);
  bench.step();
  expect(bench.commit).toBe(0);
});

test("a refusal counts for no entry, and an ack of what was never sent does not either", () => {
  const bench = TermBench.begun();
  bench.reply(1, 1, { ok: false });
  bench.reply(2, 9);
  bench.step();
  expect(bench.commit).toBe(0);
});

test("a late ack takes nothing back", () => {
  const bench = TermBench.begun();
  bench.propose(3);
  bench.step();
  bench.reply(1, 4);
  bench.reply(1, 2);
  bench.propose();
  expect(appendsOf(bench.step())).toContain("1: 5-5");
  expect(bench.commit).toBe(4);
});

test("followers hear of what is chosen with the next append", () => {
  const bench = TermBench.begun();
  bench.reply(1, 1);
  bench.step();
  bench.propose();
  expect(bench.step().of("append").map(({ commit }) => commit)).toEqual([1, 1]);
});

test("what waits for an entry runs when that is chosen, in order, and not before", () => {
  const bench = TermBench.begun();
  const ran: string[] = [];
  bench.propose(2);
  bench.term.whenChosen(2, () => ran.push("a"));
  bench.term.whenChosen(2, () => ran.push("b"));
  bench.term.whenChosen(3, () => ran.push("c"));
  bench.step();
  expect(ran).toEqual([]);
  bench.reply(1, 2);
  bench.step();
  expect(ran).toEqual(["a", "b"]);
  bench.reply(2, 3);
  bench.step();
  expect(ran).toEqual(["a", "b", "c"]);
});

test("what waits for an entry that is chosen already runs at the end of the step", () => {
  const bench = TermBench.begun();
  bench.reply(1, 1);
  bench.step();
  let isRun = false;
  bench.term.whenChosen(1, () => isRun = true);
  expect(isRun).toBe(false);
  bench.step();
  expect(isRun).toBe(true);
});

test("entries that are not chosen yet are counted", () => {
  const bench = TermBench.begun();
  bench.propose(4);
  expect(bench.term.unchosenCount).toBe(5);
  bench.reply(1, 2);
  bench.step();
  expect(bench.term.unchosenCount).toBe(3);
});

test("what waited for a term that ended never runs, even when others choose entries at its places", () => {
  const bench = TermBench.begun();
  let isRun = false;
  bench.term.whenChosen(bench.term.propose({ type: "noop" }), () => isRun = true);
  bench.term.end();
  bench.replica.cut(0);
  for (const entry of noops(ballotBy(2, 8), 2)) bench.replica.append(entry);
  bench.replica.commitTo(2);
  bench.term.flush();
  expect(isRun).toBe(false);
});

test("a term that ended is flushed no more: it sends nothing and chooses nothing", () => {
  const bench = TermBench.begun();
  bench.propose();
  bench.reply(1, 2);
  bench.term.end();
  expect(appendsOf(bench.step())).toEqual([]);
  expect(bench.commit).toBe(0);
});

test("the office lives as long as the term, and heartbeats announce both ends at once", () => {
  const bench = new TermBench();
  const { context } = bench.stage;
  bench.term.begin();
  expect(bench.office.calls).toEqual(["begin"]);
  expect(context.termsChanged).toBe(true);
  context.termsChanged = false;
  bench.tick();
  expect(bench.office.calls).toEqual(["begin", "tick", "flush"]);
  bench.term.end();
  expect(bench.office.calls.at(-1)).toBe("end");
  expect(context.termsChanged).toBe(true);
});

test("what followers report of silences goes to the office, with how far their logs match", () => {
  const bench = TermBench.begun();
  const silences = [{
    session: { node: 2, boot: 1, n: 1 },
    index: 1,
    elapsedMs: 100,
    fate: "silent" as const,
  }];
  bench.reply(1, 1, { silences });
  expect(bench.office.silences).toEqual([{ keeper: 1, silences, matchIndex: 1 }]);
  bench.reply(1, 0, { ok: false, silences });
  bench.reply(4, 1, { silences });
  expect(bench.office.silences).toHaveLength(1);
});

// ---- who answers ------------------------------------------------------------------------------------------

test("a majority that has not answered for 0.7 of the election time is lost", () => {
  const bench = TermBench.begun();
  bench.stage.pass(0.7 * ELECTION_MS);
  expect(bench.term.hasLostMajority()).toBe(false);
  bench.stage.pass(1);
  expect(bench.term.hasLostMajority()).toBe(true);
});

test("one of two followers that answers is enough, by an append's answer or a heartbeat's", () => {
  for (
    const answer of [
      (bench: TermBench) => bench.reply(1, 1),
      (bench: TermBench) => bench.reply(1, 0, { ok: false }),
      (bench: TermBench) => bench.term.heardFrom(1),
    ]
  ) {
    const bench = TermBench.begun();
    bench.stage.pass(ELECTION_MS);
    answer(bench);
    expect(bench.term.hasLostMajority()).toBe(false);
  }
});

test("two answers of one follower are one, and those of others are none", () => {
  const bench = TermBench.begun({ voters: [0, 1, 2, 3, 4] });
  bench.stage.pass(ELECTION_MS);
  for (const from of [1, 1, 0]) bench.term.heardFrom(from);
  bench.reply(1, 1);
  expect(bench.term.hasLostMajority()).toBe(true);
  bench.term.heardFrom(2);
  expect(bench.term.hasLostMajority()).toBe(false);
});

test("a keeper alone never loses its majority", () => {
  const bench = TermBench.begun({ voters: [0] });
  bench.stage.pass(1e9);
  expect(bench.term.hasLostMajority()).toBe(false);
});

test("while the steward's own loop stood still nobody is silent", () => {
  const bench = TermBench.begun();
  bench.stage.pass(0.7 * ELECTION_MS + 300);
  bench.term.addStall(300);
  expect(bench.term.hasLostMajority()).toBe(false);
});

test("a term is handed to the follower with the longest log that is connected", () => {
  const bench = TermBench.begun({ voters: [0, 1, 2, 3] });
  bench.propose(3);
  bench.step();
  for (const [from, index] of [[1, 2], [2, 4], [3, 3]] as const) bench.reply(from, index);
  expect(bench.term.bestFollower()).toBe(2);
  bench.stage.disconnect(2);
  expect(bench.term.bestFollower()).toBe(3);
  bench.stage.disconnect(1);
  bench.stage.disconnect(3);
  expect(bench.term.bestFollower()).toBeUndefined();
});

// ---- the first on the ring --------------------------------------------------------------------------------

/** Member 2 is the steward of a partition whose first keeper is 1; that one follows and was just heard. */
function quiet(settledMs = 2 * ELECTION_MS): TermBench {
  const bench = TermBench.begun({ self: 2, voters: [1, 2, 0] });
  bench.reply(1, 1);
  bench.reply(0, 1);
  bench.step();
  bench.stage.pass(settledMs);
  bench.term.heardFrom(1);
  bench.stage.context.transferBudget = 1;
  return bench;
}

test("in quiet times the term is handed to the first on the ring, once for a while", () => {
  const bench = quiet();
  expect(bench.tick().of("transfer")).toEqual([{ type: "transfer", p: 0, ballot: OWN, to: 1 }]);
  expect(bench.stage.context.transferBudget).toBe(0);
  bench.stage.context.transferBudget = 1;
  expect(bench.tick().of("transfer")).toEqual([]);
});

test("a term that is young is not handed over", () => {
  expect(quiet(2 * ELECTION_MS - 1).tick().of("transfer")).toEqual([]);
});

test("only so many terms are handed over in one tick", () => {
  const bench = quiet();
  bench.stage.context.transferBudget = 0;
  expect(bench.tick().of("transfer")).toEqual([]);
});

test("a first one that lags, is away, or has not been heard for 1.5 heartbeats gets no term", () => {
  const lags = quiet();
  lags.propose();
  expect(lags.tick().of("transfer")).toEqual([]);
  const away = quiet();
  away.stage.disconnect(1);
  away.tick();
  away.stage.connect(1);
  expect(away.tick().of("transfer")).toHaveLength(1);
  const silent = quiet();
  silent.stage.pass(1.5 * HEARTBEAT_MS);
  expect(silent.tick().of("transfer")).toHaveLength(1);
  const moreSilent = quiet();
  moreSilent.stage.pass(1.5 * HEARTBEAT_MS + 1);
  expect(moreSilent.tick().of("transfer")).toEqual([]);
});

test("the first on the ring hands its term to nobody", () => {
  const bench = TermBench.begun();
  bench.reply(1, 1);
  bench.reply(2, 1);
  bench.stage.pass(2 * ELECTION_MS);
  for (const from of [1, 2]) bench.term.heardFrom(from);
  bench.stage.context.transferBudget = 1;
  expect(bench.tick().of("transfer")).toEqual([]);
});
