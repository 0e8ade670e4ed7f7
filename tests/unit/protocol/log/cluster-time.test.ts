/** Claims about the time that counts in a term: whose clocks make it, and that it never goes back. */
import { expect, test } from "bun:test";
import { engineOptions } from "../../../../src/coordinator/settings.ts";
import { nodeSettings } from "../../../../src/node/options.ts";
import { Context } from "../../../../src/protocol/context/context.ts";
import { ClusterTime, TimeFloor } from "../../../../src/protocol/log/cluster-time.ts";
import type { MemberNo } from "../../../../src/protocol/model/types.ts";
import { memoryStore } from "../../../../src/store/memory-store.ts";

const START_MS = 1_900_000_000_000;
const DAY_MS = 86_400_000;
const HEARTBEAT_MS = 1000;

/** A steward, member 0, whose keepers say what their clocks show as long as they are not silent. */
class Bench {
  readonly context: Context;
  readonly floor: TimeFloor;
  readonly #errorsMs: Map<MemberNo, number>;
  readonly silent: Set<MemberNo> = new Set();
  nowMs = 0;
  /** How fast the steward's monotonic clock is. */
  rate = 1;

  constructor(...errorsMs: number[]) {
    const options = engineOptions("a", nodeSettings({ heartbeatMs: HEARTBEAT_MS }), memoryStore());
    this.context = new Context({ ...options, nonce: "n", seed: 1 }, undefined);
    this.context.self = 0;
    this.floor = new TimeFloor(this.context);
    this.#errorsMs = new Map(errorsMs.entries());
    this.advance(0);
  }

  setError(no: MemberNo, errorMs: number): void {
    this.#errorsMs.set(no, errorMs);
  }

  advance(ms: number): this {
    for (const endMs = this.nowMs + ms;;) {
      this.nowMs = Math.min(endMs, this.nowMs + HEARTBEAT_MS);
      const monoMs = this.nowMs * this.rate;
      this.context.clock = { monoMs, leaseMs: monoMs, wallMs: this.#shownBy(0) };
      for (const no of this.#errorsMs.keys()) {
        if (no !== 0 && !this.silent.has(no)) this.context.wallClocks.note(no, this.#shownBy(no));
      }
      if (this.nowMs >= endMs) return this;
    }
  }

  #shownBy(no: MemberNo): number {
    return START_MS + this.nowMs + this.#errorsMs.get(no)!;
  }

  /** That time is seen in the log. */
  note(timeMs: number): void {
    const keepers = [...this.#errorsMs.keys()];
    this.floor.note(timeMs, () => this.context.wallClocks.boundsOf(keepers).reachedMs);
  }

  begin(floorMs = 0): ClusterTime {
    return new ClusterTime(this.context, [...this.#errorsMs.keys()], floorMs, this.floor);
  }
}

for (
  const [errorsMs, aheadMs] of [
    [[0], 0],
    [[DAY_MS], DAY_MS],
    [[0, DAY_MS], 0],
    [[0, -DAY_MS], -DAY_MS],
    [[0, 0, DAY_MS], 0],
    [[0, 0, -DAY_MS], 0],
    [[DAY_MS, 0, 0], 0],
    [[-DAY_MS, 0, 5], 0],
    [[0, 10, 20], 10],
    [[0, 0, 0, DAY_MS, -DAY_MS], 0],
    [[0, 5, 5, DAY_MS, DAY_MS], 5],
  ] as const
) {
  test(`of clocks that are wrong by ${errorsMs.join(", ")} ms the time is wrong by ${aheadMs} ms`, () => {
    const bench = new Bench(...errorsMs);
    expect(bench.begin().nowMs).toBe(START_MS + aheadMs);
  });
}

test("a term begins no earlier than the log, and goes slowly until the clocks are there", () => {
  const bench = new Bench(0, 0, 0);
  const time = bench.begin(START_MS + 10_000);
  expect(time.nowMs).toBe(START_MS + 10_000);
  bench.advance(4000);
  expect(time.nowMs).toBe(START_MS + 12_000);
  bench.advance(40_000);
  expect(time.nowMs).toBe(START_MS + 44_000);
});

test("when a clock is set back the time goes on", () => {
  const bench = new Bench(0);
  const time = bench.begin();
  bench.advance(1000);
  const beforeMs = time.nowMs;
  bench.setError(0, -DAY_MS);
  bench.advance(1000);
  expect(time.nowMs).toBeGreaterThan(beforeMs);
});

test("a keeper that falls silent holds up nothing, though another's clock is behind", () => {
  const bench = new Bench(0, -DAY_MS, 0);
  const time = bench.begin();
  bench.silent.add(2);
  bench.advance(60_000);
  expect(time.nowMs).toBe(START_MS + 60_000);
  expect(time.trouble).toContain("is 86400 s behind");
});

test("a term that begins while one is silent and one behind begins where the log is", () => {
  const bench = new Bench(0, -DAY_MS, 0);
  bench.silent.add(2);
  bench.advance(60_000);
  expect(bench.begin(START_MS + 30_000).nowMs).toBe(START_MS + 30_000);
});

test("a fast monotonic clock does not carry the time ahead of the clocks", () => {
  const bench = new Bench(0, 0, 0);
  bench.rate = 1.01;
  bench.advance(0);
  const time = bench.begin();
  for (let i = 0; i < 600; i++) {
    bench.advance(1000);
    expect(time.nowMs - START_MS - bench.nowMs).toBeLessThan(1);
  }
});

test("who waits for its term knows that the log's time has gone on, by a clock that may be fast", () => {
  const bench = new Bench(0, 0, 0);
  const floor = new TimeFloor(bench.context);
  floor.note(START_MS, () => START_MS);
  bench.advance(100_000);
  expect(floor.nowMs).toBe(START_MS + 99_000);
  floor.note(START_MS + 50_000, () => START_MS);
  expect(floor.nowMs).toBe(START_MS + 99_000);
});

// ---- how long ago -----------------------------------------------------------------------------------------

/** A term that began with one keeper silent and one a day behind; the log had rested for half a minute. */
function heldBack(): { bench: Bench; time: ClusterTime } {
  const bench = new Bench(0, -DAY_MS, 0);
  bench.silent.add(2);
  bench.advance(60_000);
  return { bench, time: bench.begin(START_MS + 30_000) };
}

test("what was held back is as long ago as it is when the time catches up", () => {
  const { bench, time } = heldBack();
  bench.advance(10_000);
  const endedMs = time.nowMs;
  expect(endedMs).toBe(START_MS + 40_000);
  bench.advance(5000);
  expect(time.sinceMs(endedMs)).toBe(5000);
  bench.silent.delete(2);
  bench.advance(5000);
  expect(time.nowMs).toBe(START_MS + bench.nowMs);
  expect(time.sinceMs(endedMs)).toBe(10_000);
  expect(time.sinceMs(time.nowMs - 1000)).toBe(1000);
});

test("the next term of the same node knows that the time was held back, caught up before or with it", () => {
  const { bench, time } = heldBack();
  bench.advance(10_000);
  const endedMs = time.nowMs;
  bench.silent.delete(2);
  bench.advance(5000);
  expect(time.nowMs).toBe(START_MS + bench.nowMs);
  bench.note(time.nowMs);
  bench.advance(5000);
  expectAbout(bench.begin(bench.floor.nowMs).sinceMs(endedMs), 10_000);
  const late = heldBack();
  late.bench.note(late.time.nowMs);
  late.bench.silent.delete(2);
  late.bench.advance(5000);
  expectAbout(late.bench.begin(late.bench.floor.nowMs).sinceMs(START_MS + 30_000), 5000);
});

test("who follows sees in the log that the time was held back", () => {
  const { bench } = heldBack();
  bench.note(START_MS + 30_000);
  bench.advance(5000);
  bench.note(START_MS + 35_000);
  bench.silent.delete(2);
  bench.advance(5000);
  bench.note(START_MS + 70_000);
  bench.advance(5000);
  expectAbout(bench.begin(bench.floor.nowMs).sinceMs(START_MS + 35_000), 10_000);
});

test("what came into the log before this node followed it is as long ago as the log says", () => {
  const bench = new Bench(0, 0, 0);
  bench.note(START_MS - DAY_MS);
  bench.advance(5000);
  bench.note(START_MS - 3000);
  bench.advance(5000);
  expect(bench.begin(bench.floor.nowMs).sinceMs(START_MS - DAY_MS)).toBe(DAY_MS + 10_000);
});

test("who has seen nothing of it, and sees a clock that is behind, goes by what it has seen", () => {
  const bench = new Bench(0, -DAY_MS, 0);
  bench.note(START_MS);
  bench.advance(5000);
  expectAbout(bench.begin(bench.floor.nowMs).sinceMs(START_MS - 60_000), 5000);
});

function expectAbout(ms: number, expectedMs: number): void {
  expect(Math.abs(ms - expectedMs)).toBeLessThan(0.03 * expectedMs);
}
