/** Tasks on probation at their holder: one at a time, beside those that are not. */
import { expect, test } from "bun:test";
import { Admission } from "../../../../src/protocol/holder/admission.ts";
import type { Credit } from "../../../../src/protocol/holder/credit.ts";
import { type HeldLease, HeldLeases } from "../../../../src/protocol/holder/held-leases.ts";

const GRANTED_MS = 1000;
const DECLINED = { type: "decline", forMs: 0 } as const;

class Bench {
  changes = 0;
  readonly admission: Admission;
  readonly #leases = new HeldLeases();
  #fence = 0;

  constructor() {
    const limits = { mayStart: () => true, started: () => {}, stopped: () => {} };
    const credit = { slots: 10, limits, changed: () => this.changes++ };
    // an admission asks its credit for nothing else
    this.admission = new Admission(credit as unknown as Credit);
  }

  held(isOnProbation: boolean): HeldLease {
    const fence = ++this.#fence;
    const task = { no: fence, id: `t${fence}`, fence, attempt: 1, name: "h", payload: new Uint8Array(0) };
    const rest = { attemptsMax: 0, errorAgesMs: [], options: null, checkpoint: null, expiresAtMs: 0 };
    return this.#leases.add({ ...task, ...rest, isOnProbation }, 0, GRANTED_MS);
  }

  /** A first one is there, and a second one was declined. */
  withTwo(): HeldLease {
    const first = this.held(true);
    expect(this.admission.judge(first)).toBe("start");
    expect(this.admission.judge(this.held(true))).toEqual(DECLINED);
    return first;
  }
}

test("of those on probation a node takes one, and of the others as many as come", () => {
  const bench = new Bench();
  const first = bench.withTwo();
  expect(bench.admission.judge(first)).toBe("start");
  expect(bench.admission.judge(bench.held(false))).toBe("start");
});

test("the next one may come when the first has run for half a minute, and stewards hear of it", () => {
  const bench = new Bench();
  bench.withTwo();
  bench.admission.tick(GRANTED_MS + 29_999);
  expect([bench.changes, bench.admission.judge(bench.held(true))]).toEqual([0, DECLINED]);
  bench.admission.tick(GRANTED_MS + 30_000);
  expect([bench.changes, bench.admission.judge(bench.held(true))]).toEqual([1, "start"]);
});

test("the next one may come when the first has stored a checkpoint, or its lease is over", () => {
  const proven = new Bench();
  proven.admission.proven(proven.withTwo());
  expect([proven.changes, proven.admission.judge(proven.held(true))]).toEqual([1, "start"]);
  const over = new Bench();
  over.admission.ended(over.withTwo());
  expect([over.changes, over.admission.judge(over.held(true))]).toEqual([1, "start"]);
});
