/** The loads that tasks report. */
import { expect, test } from "bun:test";
import { TaskLoad } from "../../../src/consumer/task-load.ts";
import { systemEnvironment } from "../../../src/base/environment.ts";

/** A load and what makes time pass for it. */
function setUp(): { load: TaskLoad; pass: (ms: number) => void } {
  let nowMs = 1000;
  const load = new TaskLoad({ ...systemEnvironment, monoMs: () => nowMs });
  return { load, pass: (ms) => nowMs += ms };
}

test("a meter's rate is per second, known after five seconds, and of the last minute", () => {
  const { load, pass } = setUp();
  load.mark(50);
  expect(load.rate).toBe(0);
  pass(5000);
  expect(load.rate).toBe(10);
  for (let n = 0; n < 12; n++) {
    load.mark();
    load.mark(149);
    pass(5000);
  }
  // a minute at 30 after 10: 1 - 1/e of the way
  expect(load.rate).toBeCloseTo(30 - 20 / Math.E, 6);
  pass(86_400_000);
  expect(load.rate).toBeLessThan(1e-9);
});

test("what was reported last counts instead of the meter", () => {
  const { load, pass } = setUp();
  load.mark(50);
  pass(5000);
  expect(load.value).toBe(10);
  load.report(3);
  load.report(0.5);
  expect(load.value).toBe(0.5);
  load.report(0);
  expect(load.value).toBe(0);
});

test("no load is below nothing, or no number", () => {
  const { load } = setUp();
  expect(() => load.report(-1)).toThrow("Cannot report the load: it must be a number >= 0, got -1");
  expect(() => load.report(Infinity)).toThrow(RangeError);
  expect(() => load.mark(NaN)).toThrow("Cannot mark the meter");
});
