/**
 * How a node takes credit back: when somebody else needs it, when it has fewer slots, when a steward is gone.
 * What was given is given to nobody else before it is known to be unused. How it is spread: credit.test.ts.
 */
import { expect, test } from "bun:test";
import type { MemberNo } from "../../../../src/protocol/model/types.ts";
import { CreditBench } from "../../../support/credit-bench.ts";
import { expectFields, HEARTBEAT_MS, TTL_MS } from "../../../support/roles.ts";

test("for a new steward node those who have more than their share give back first, then it gets some", () => {
  const bench = CreditBench.withSlots(8, [1]);
  bench.open(2);
  bench.step();
  expect([bench.free(1), bench.isRecalled(1), bench.free(2)]).toEqual([4, true, 0]);
  bench.answer(1);
  bench.step();
  expect(bench.free(2)).toBeGreaterThan(0);
  expect(bench.free(1) + bench.free(2)).toBe(8);
});

test("in some heartbeats a new steward node has as many slots as the others", () => {
  const bench = CreditBench.withSlots(8, [1]);
  bench.open(2);
  bench.step();
  for (let i = 0; i < 5; i++) bench.heartbeat();
  expect([bench.free(1), bench.free(2)]).toEqual([4, 4]);
});

test("a share is one of the slots that are not in use", () => {
  const bench = CreditBench.withSlots(8, [1]);
  for (let no = 1; no <= 4; no++) bench.grant(1, no);
  bench.open(2);
  bench.step();
  expect([bench.free(1), bench.isRecalled(1)]).toEqual([2, true]);
});

test("one recall at a time, and none of who has nothing", () => {
  const bench = CreditBench.withSlots(8, [1]);
  bench.open(2);
  bench.step();
  for (const news of [() => bench.open(0), () => bench.demand(2)]) {
    news();
    bench.step();
    expect([bench.free(1), bench.isRecalled(1)]).toEqual([4, true]);
  }
  expect(bench.isRecalled(0)).toBe(false);
  bench.answer(1);
  bench.step();
  expect([bench.free(1), bench.isRecalled(1)]).toEqual([0, true]);
});

test("recalled slots are given to nobody before the answer, however long that takes", () => {
  const bench = CreditBench.withSlots(8, [1]);
  bench.open(2);
  for (let i = 0; i < 20; i++) bench.heartbeat(false);
  expect([bench.free(1), bench.free(2)]).toEqual([4, 0]);
});

test("an answer to what was said before the recall is none", () => {
  const bench = CreditBench.withSlots(8, [1]);
  const { seq } = bench.lastByNo.get(1)!;
  bench.open(2);
  bench.step();
  bench.answer(1, 0, seq);
  bench.step();
  expect([bench.isRecalled(1), bench.free(2)]).toEqual([true, 0]);
});

test("what a steward had granted before it heard of the recall stays reserved until it arrives", () => {
  const bench = CreditBench.withSlots(8, [1]);
  bench.open(2);
  bench.step();
  bench.answer(1, 6);
  bench.step();
  bench.heartbeat();
  expect(bench.free(2)).toBe(2);
  for (let no = 1; no <= 6; no++) bench.grant(1, no);
  bench.heartbeat();
  expect(bench.credit.heldCount + bench.free(1) + bench.free(2)).toBe(8);
});

test("grants that were issued and do not come within a TTL are lost: their slots are free", () => {
  const bench = CreditBench.withSlots(4, [1]);
  bench.answer(1, 4);
  for (let passedMs = 0; passedMs < TTL_MS; passedMs += HEARTBEAT_MS) {
    bench.heartbeat();
    expectFields(bench.lastByNo.get(1), { free: 4, upTo: 0 });
  }
  bench.heartbeat();
  expectFields(bench.lastByNo.get(1), { free: 4, upTo: 4 });
});

test("a grant that was taken for lost and comes after all is held, and counts", () => {
  const bench = CreditBench.withSlots(4, [1]);
  bench.answer(1, 1);
  bench.stage.pass(TTL_MS);
  bench.heartbeat();
  bench.heartbeat();
  bench.grant(1, 1);
  bench.heartbeat();
  expectFields(bench.lastByNo.get(1), { free: 3, upTo: 1, load: 1 });
});

test("with fewer slots than before, what is unused is recalled from everybody", () => {
  const bench = CreditBench.withSlots(9, [0, 1, 2]);
  bench.offer(3);
  bench.step();
  expect([0, 1, 2].map((no) => [bench.free(no), bench.isRecalled(no)])).toEqual([
    [0, true],
    [0, true],
    [0, true],
  ]);
  bench.answerAll();
  expect([0, 1, 2].map((no) => bench.free(no))).toEqual([1, 1, 1]);
});

test.each(["draining", "frozen"] as const)("a node that is %s says so, and takes nothing", (standing) => {
  const bench = CreditBench.withSlots(4, [1]);
  bench.credit.offer({ type: "capacity", slots: 4, handlers: ["h"], standing });
  bench.step();
  bench.answerAll();
  expectFields(bench.lastByNo.get(1), { standing, free: 0 });
  expect(bench.credit.slots).toBe(0);
});

test("there is room for one more until all slots are in use", () => {
  const bench = CreditBench.withSlots(2, [1]);
  bench.grant(1, 1);
  expect(bench.credit.hasRoom).toBe(true);
  bench.grant(1, 2);
  expect(bench.credit.hasRoom).toBe(false);
  bench.credit.ended("h");
  expect(bench.credit.hasRoom).toBe(true);
});

test("the slots of a steward whose connection closed are given to the others at once, and not twice", () => {
  const bench = CreditBench.withSlots(6, [1, 2]);
  bench.stage.disconnect(1);
  bench.credit.close(1);
  bench.step();
  expect(bench.free(2)).toBe(6);
  bench.stage.connect(1);
  bench.heartbeat(false);
  expect([bench.free(1), bench.isRecalled(1)]).toEqual([0, false]);
});

test("a steward whose connection closed owes no answer any more, and has no demand", () => {
  const bench = CreditBench.withSlots(6, [1]);
  bench.open(2);
  bench.demand(1);
  bench.step();
  bench.answer(1, 5);
  bench.offer(1);
  bench.step();
  expect(bench.isRecalled(1)).toBe(true);
  bench.stage.disconnect(1);
  bench.credit.close(1);
  bench.offer(6);
  bench.step();
  expect(bench.free(2)).toBe(6);
  bench.stage.connect(1);
  bench.heartbeat(false);
  expect([bench.isRecalled(1), bench.free(2), bench.isRecalled(2)]).toEqual([false, 3, true]);
  bench.answer(2);
  bench.step();
  expect(bench.free(1)).toBeGreaterThan(0);
});

test("a steward that comes back in another life begins anew, under numbers that go on", () => {
  const bench = CreditBench.withSlots(4, [1]);
  for (let no = 1; no <= 3; no++) bench.grant(1, no);
  bench.heartbeat();
  const { seq } = bench.lastByNo.get(1)!;
  bench.open(1, 2);
  bench.step();
  expectFields(bench.lastByNo.get(1), { stewardBoot: 2, upTo: 0, free: 1, load: 3 });
  expect(bench.lastByNo.get(1)!.seq).toBeGreaterThan(seq);
});

test("a steward that is heard again in the same life keeps its account", () => {
  const bench = CreditBench.withSlots(4, [1]);
  bench.grant(1, 1);
  bench.open(1);
  bench.heartbeat();
  expectFields(bench.lastByNo.get(1), { upTo: 1, free: 3 });
});

test("who may steward no more gives its credit back without being asked", () => {
  const bench = CreditBench.withSlots(4, [1, 2], { options: { keepingMembersMax: 3 } });
  expect([bench.free(1), bench.free(2)]).toEqual([2, 2]);
  const { context } = bench.stage;
  const extra = { no: 3, id: "m3", name: "m3", labels: {}, witness: false, leaving: false };
  const roster = context.roster!;
  context.adoptRoster({
    ...roster,
    epoch: 2,
    members: [...roster.members, extra],
    chains: [[{ epoch: 2, keepers: [0, 2, 3] }]],
  });
  bench.heartbeat();
  expect([bench.free(1), bench.free(2)]).toEqual([2, 4]);
  context.adoptRoster({ ...roster, epoch: 3 });
  bench.heartbeat(false);
  expect([bench.free(1), bench.isRecalled(1)]).toEqual([0, false]);
});

// ---- demand -----------------------------------------------------------------------------------------------

test("a steward with demand gets what the others do not use, as soon as they have given it back", () => {
  const bench = CreditBench.withSlots(9, [0, 1, 2]);
  bench.demand(1);
  bench.step();
  expect([0, 2].map((no) => [bench.free(no), bench.isRecalled(no)])).toEqual([[0, true], [0, true]]);
  expect(bench.free(1)).toBe(3);
  bench.answerAll();
  expect(bench.free(1)).toBe(9);
});

test("of those with demand the ones with the highest priority get what is free", () => {
  const bench = CreditBench.withSlots(6, [0, 1, 2]);
  bench.demand(1, { priority: 3 });
  bench.demand(2, { priority: 5 });
  bench.step();
  bench.answerAll();
  expect([0, 1, 2].map((no) => bench.free(no))).toEqual([0, 2, 4]);
});

test("two with the same demand share what the third gives back", () => {
  const bench = CreditBench.withSlots(12, [0, 1, 2]);
  bench.demand(1);
  bench.demand(2);
  bench.step();
  bench.answerAll();
  expect([0, 1, 2].map((no) => bench.free(no))).toEqual([0, 6, 6]);
});

test("while there is demand nothing is levelled out; afterwards it is", () => {
  const bench = CreditBench.withSlots(9, [0, 1, 2]);
  bench.demand(1);
  bench.step();
  bench.answerAll();
  bench.demand(1);
  bench.heartbeat(false);
  expect([bench.free(1), bench.isRecalled(1)]).toEqual([9, false]);
  bench.demand(1, { backlog: 0 });
  for (let i = 0; i < 4; i++) bench.heartbeat();
  expect([0, 1, 2].map((no) => bench.free(no))).toEqual([3, 3, 3]);
});

test("demand that is not repeated for 2.5 heartbeats is over", () => {
  const bench = CreditBench.withSlots(4, [0, 1]);
  bench.demand(1);
  bench.step();
  bench.answerAll();
  for (let i = 0; i < 3; i++) bench.heartbeat();
  expect(bench.free(0)).toBe(0);
  bench.heartbeat();
  expect(bench.free(0)).toBeGreaterThan(0);
});

test("the demand of a steward's earlier life, or of one that has no account, is none", () => {
  const bench = CreditBench.withSlots(4, [0, 1]);
  bench.demand(1, { boot: 9 });
  bench.demand(2);
  bench.step();
  expect([bench.isRecalled(0), bench.free(0), bench.free(1)]).toEqual([false, 2, 2]);
});

test("who has waited longest gets a single slot, and not always the same", () => {
  const bench = CreditBench.withSlots(1, [0, 1, 2]);
  const got: (MemberNo | undefined)[] = [];
  for (let i = 1; i <= 6; i++) {
    const taker = [0, 1, 2].find((no) => bench.free(no) > 0);
    got.push(taker);
    bench.grant(taker!, Math.ceil(i / 3));
    bench.heartbeat();
    bench.credit.ended("h");
    bench.step();
  }
  expect(got.slice(0, 3).toSorted()).toEqual([0, 1, 2]);
  expect(got.slice(3)).toEqual(got.slice(0, 3));
});

test("a late answer of a steward's earlier life counts for nothing in its present one", () => {
  const bench = CreditBench.withSlots(4, [1]);
  const { seq } = bench.lastByNo.get(1)!;
  bench.open(1, 2);
  bench.step();
  bench.answer(1, 50, seq);
  bench.stage.pass(TTL_MS);
  bench.heartbeat(false);
  bench.heartbeat(false);
  expect(bench.lastByNo.get(1)!.upTo).toBe(0);
});

test("a recall is answered by the answer to its first announcement, however often others follow", () => {
  const bench = new CreditBench();
  bench.offer(8, { h: 8 });
  bench.open(1);
  bench.step();
  bench.open(2);
  bench.step();
  const { seq } = bench.lastByNo.get(1)!;
  expect(bench.isRecalled(1)).toBe(true);
  // the start of a task of a handler with a limit is announced to all stewards
  bench.grant(1, 1);
  bench.step();
  bench.answer(1, 1, seq);
  bench.step();
  expect(bench.free(2)).toBe(4);
});

// Leases of different partitions are chosen in any order, so their grants overtake each other.
test("the slot of a grant that was overtaken by the next one stays reserved until it comes", () => {
  const bench = CreditBench.withSlots(2, [1, 2]);
  bench.demand(1);
  bench.step();
  bench.answerAll();
  expect(bench.free(1)).toBe(2);
  bench.grant(1, 2);
  bench.demand(2);
  bench.step();
  bench.answerAll();
  expect(bench.free(2)).toBe(0);
});

test("the slot of a grant that was overtaken and does not come within a TTL is free", () => {
  const bench = CreditBench.withSlots(2, [1, 2]);
  bench.demand(1);
  bench.step();
  bench.answerAll();
  bench.grant(1, 2);
  bench.stage.pass(TTL_MS + 1);
  bench.heartbeat();
  expect(bench.free(1) + bench.free(2)).toBe(1);
});

test("what is given back for a new steward node goes to that", () => {
  const bench = CreditBench.withSlots(8, [1]);
  bench.open(2);
  bench.step();
  bench.answer(1);
  bench.step();
  expect([bench.free(1), bench.free(2)]).toEqual([4, 4]);
});
