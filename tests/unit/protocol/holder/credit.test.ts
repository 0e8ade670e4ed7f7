/**
 * How a node spreads its slots over the nodes that steward: evenly while nobody starves, and never more than
 * it has. Taking back what it gave: credit-recalls.test.ts.
 */
import { expect, test } from "bun:test";
import type { CreditMessage } from "../../../../src/protocol/model/messages.ts";
import type { MemberNo } from "../../../../src/protocol/model/types.ts";
import { CreditAccount } from "../../../../src/protocol/steward/credit-account.ts";
import { Rng } from "../../../../src/testing/rng.ts";
import { CreditBench } from "../../../support/credit-bench.ts";
import { expectFields, HEARTBEAT_MS } from "../../../support/roles.ts";

test("all slots are given, evenly, while nobody starves", () => {
  const bench = CreditBench.withSlots(10, [0, 1, 2]);
  expect([0, 1, 2].map((no) => bench.free(no)).sort()).toEqual([3, 3, 4]);
});

test("a credit message says what the node can, how much it holds, and to which life it is said", () => {
  const bench = new CreditBench({ options: { boot: 4 } });
  bench.offer(2, { h: 1 });
  bench.open(1, 6);
  expect(bench.step()).toEqual([{
    type: "credit",
    to: 1,
    boot: 4,
    stewardBoot: 6,
    seq: 1,
    free: 2,
    upTo: 0,
    load: 0,
    standing: "up",
    handlers: ["h"],
    recall: false,
    changes: 1,
    limits: [{ name: "h", free: 1 }],
  }]);
});

test("nobody is given credit of whose life nothing is known", () => {
  const bench = new CreditBench();
  bench.offer(4);
  bench.credit.open(1);
  expect(bench.step()).toEqual([]);
});

test("credit is absolute, and sent again with every heartbeat under a new number", () => {
  const bench = CreditBench.withSlots(4, [1]);
  const before = bench.lastByNo.get(1)!;
  bench.heartbeat();
  expect(bench.lastByNo.get(1)).toEqual({ ...before, seq: before.seq + 1 });
});

test("between heartbeats nothing is sent to those whom nothing concerns", () => {
  const bench = CreditBench.withSlots(4, [1, 2]);
  bench.heartbeat();
  bench.stage.pass(HEARTBEAT_MS - 1);
  bench.credit.tick(false);
  expect(bench.step()).toEqual([]);
  bench.stage.pass(1);
  bench.credit.tick(false);
  expect(bench.step()).toHaveLength(2);
});

test("received grants use credit up, and the next message says so", () => {
  const bench = CreditBench.withSlots(4, [1]);
  bench.grant(1, 1);
  bench.grant(1, 2);
  bench.heartbeat();
  expectFields(bench.lastByNo.get(1), { free: 2, upTo: 2, load: 2 });
});

test("a grant that arrives once more, or late, uses up no credit given since", () => {
  const bench = CreditBench.withSlots(4, [1]);
  bench.grant(1, 2);
  bench.grant(1, 1);
  bench.heartbeat();
  expectFields(bench.lastByNo.get(1), { free: 2, upTo: 2, load: 2 });
});

test("a slot that gets free is given again", () => {
  const bench = CreditBench.withSlots(2, [1]);
  bench.grant(1, 1);
  bench.grant(1, 2);
  bench.step();
  bench.credit.ended("h");
  bench.step();
  expectFields(bench.lastByNo.get(1), { free: 1, upTo: 2, load: 1 });
});

test("a node sends its own load to itself at once", () => {
  const bench = CreditBench.withSlots(2, [0, 1]);
  bench.grant(0, 1);
  bench.credit.isDirty = true;
  expect(bench.step().map(({ to, load }) => [to, load])).toEqual([[0, 1]]);
});

// ---- handlers and changes ---------------------------------------------------------------------------------

test("of a handler with a limit each steward may grant its part, rounded up, and hears of it at once", () => {
  const bench = new CreditBench();
  bench.offer(12, { h: 3 });
  bench.open(1);
  bench.open(2);
  bench.step();
  expect(bench.lastByNo.get(2)!.limits).toEqual([{ name: "h", free: 2 }]);
  bench.grant(1, 1);
  bench.grant(1, 2);
  expect(bench.step().map(({ to, limits }) => [to, limits[0]!.free])).toEqual([[1, 1], [2, 1]]);
  bench.credit.ended("h");
  expect(bench.step().map(({ to, limits }) => [to, limits[0]!.free])).toEqual([[1, 1], [2, 1]]);
});

test("a new offer, and a key that gets free, may change what was declined: all stewards hear", () => {
  const bench = CreditBench.withSlots(4, [1, 2]);
  const { changes } = bench.lastByNo.get(1)!;
  bench.credit.changed();
  bench.step();
  expect([1, 2].map((no) => bench.lastByNo.get(no)!.changes)).toEqual([changes + 1, changes + 1]);
  bench.offer(4);
  bench.step();
  expect([1, 2].map((no) => bench.lastByNo.get(no)!.changes)).toEqual([changes + 2, changes + 2]);
});

test("in no cluster any more nothing is held and nobody has credit", () => {
  const bench = new CreditBench();
  bench.offer(4, { h: 3 });
  bench.open(1);
  bench.step();
  bench.grant(1, 1);
  bench.credit.reset();
  bench.stage.pass(HEARTBEAT_MS);
  bench.credit.tick(true);
  expect(bench.step()).toEqual([]);
  expect(bench.credit.heldCount).toBe(0);
  bench.open(1);
  bench.step();
  expectFields(bench.lastByNo.get(1), { free: 4, upTo: 0, limits: [{ name: "h", free: 3 }] });
});

// ---- when all have demand ---------------------------------------------------------------------------------

/** Six slots, all in use by the own steward, 0; all stewards have demand. */
function busyBench(backlogs: readonly number[]): CreditBench {
  const bench = CreditBench.withSlots(6, [0]);
  for (let no = 1; no <= 6; no++) bench.grant(0, no);
  for (const no of [1, 2]) bench.open(no);
  backlogs.forEach((backlog, no) => bench.demand(no, { backlog }));
  bench.step();
  return bench;
}

function endOne(bench: CreditBench): readonly number[] {
  bench.credit.ended("h");
  bench.step();
  return [0, 1, 2].map((no) => bench.free(no));
}

test("a slot that gets free while all stewards have demand is for the own one", () => {
  const bench = busyBench([5, 5, 6]);
  expect(endOne(bench)).toEqual([1, 0, 0]);
  expect(endOne(bench)).toEqual([2, 0, 0]);
});

test("where clearly more waits elsewhere, the own steward has its part and no more", () => {
  const bench = busyBench([5, 9, 9]);
  for (let i = 0; i < 2; i++) endOne(bench);
  expect(endOne(bench)).toEqual([1, 1, 1]);
});

test("who was given nothing for a heartbeat has its part, however much waits at the own steward", () => {
  const bench = busyBench([50, 1, 1]);
  expect(endOne(bench)).toEqual([1, 0, 0]);
  bench.stage.pass(HEARTBEAT_MS);
  for (let i = 0; i < 2; i++) endOne(bench);
  expect(endOne(bench)).toEqual([2, 1, 1]);
  expect(endOne(bench)).toEqual([3, 1, 1]);
});

test("a higher priority elsewhere comes before the own steward's tasks", () => {
  const bench = busyBench([5, 5, 5]);
  bench.demand(2, { priority: 1 });
  expect(endOne(bench)).toEqual([0, 0, 1]);
});

// ---- never more than there is -----------------------------------------------------------------------------

const SLOTS = 7;
const STEWARDS = [0, 1, 2];

/**
 * Stewards that use their credit at random, by the books that real ones keep. What is said about credit is
 * late, overtaken or lost; grants are late or lost, but those of one steward come in order.
 */
class Traffic {
  readonly bench: CreditBench;
  readonly rng: Rng;
  readonly accounts: ReadonlyMap<MemberNo, CreditAccount>;
  /** On its way: what happens when it arrives. */
  readonly #underway: { readonly atMs: number; readonly run: () => void }[] = [];
  heldMax = 0;
  grantCount = 0;

  constructor(seed: number) {
    this.bench = CreditBench.withSlots(SLOTS, STEWARDS);
    this.rng = new Rng(seed);
    this.accounts = new Map(STEWARDS.map((no) => [no, new CreditAccount(1)]));
    for (const [no, message] of this.bench.lastByNo) this.#send(no, message);
  }

  #later(run: () => void): void {
    const atMs = this.bench.stage.nowMs + this.rng.int(HEARTBEAT_MS / 2);
    if (!this.rng.chance(0.1)) this.#underway.push({ atMs, run });
  }

  #send(no: MemberNo, message: CreditMessage): void {
    this.#later(() => {
      const account = this.accounts.get(no)!;
      if (message.seq <= account.seq) return;
      account.take(message);
      const { issued } = account;
      this.#later(() => this.bench.answer(no, issued, message.seq));
    });
  }

  #grant(no: MemberNo, account: CreditAccount): void {
    if (account.available <= 0) return;
    const number = account.charge("h");
    this.grantCount++;
    this.#later(() => {
      this.bench.grant(no, number);
      this.heldMax = Math.max(this.heldMax, this.bench.credit.heldCount);
    });
  }

  #arrive(): void {
    for (let at = 0; at < this.#underway.length;) {
      if (this.#underway[at]!.atMs > this.bench.stage.nowMs) at++;
      else this.#underway.splice(at, 1)[0]!.run();
    }
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.bench.stage.pass(20);
      this.#arrive();
      if (i % 50 === 0) this.bench.credit.tick(true);
      if (this.bench.credit.heldCount > 0 && this.rng.chance(0.2)) this.bench.credit.ended("h");
      const no = this.rng.pick(STEWARDS);
      if (this.rng.chance(0.1)) this.bench.demand(no, { priority: this.rng.int(2) });
      if (this.rng.chance(0.5)) this.#grant(no, this.accounts.get(no)!);
      for (const message of this.bench.step()) this.#send(message.to, message);
    }
  }
}

test("whatever is late or lost, no more tasks come than there are slots", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const traffic = new Traffic(seed);
    traffic.run(2000);
    expect([seed, Math.max(traffic.heldMax, SLOTS)]).toEqual([seed, SLOTS]);
    // a slot whose grant was lost stands idle for a TTL
    expect(traffic.grantCount).toBeGreaterThan(150);
  }
});
