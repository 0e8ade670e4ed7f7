/** What becomes of a task whose handler threw. */
import { expect, test } from "bun:test";
import { settlementOfError } from "../../../src/consumer/error-policy.ts";

const chance = { random: () => 0.5, wallMs: () => 0 };
const HOUR_MS = 3600_000;

test("by default a task sleeps for ten minutes after an error", () => {
  const settlement = settlementOfError(
    { attemptsMax: 0, attempt: 1, errorAgesMs: [], options: null },
    new Error("x"),
    chance,
  );
  expect(settlement).toMatchObject({ type: "error", message: "x", forMs: 600_000 });
});

test("by default the eighth error within four hours fails it, older ones do not count", () => {
  const recent = Array.from({ length: 7 }, (_, at) => at * 60_000);
  const errors = (errorAgesMs: number[]): string =>
    settlementOfError({ attemptsMax: 0, attempt: 9, errorAgesMs, options: null }, new Error("x"), chance)
      .type;
  expect(errors(recent)).toBe("fail");
  expect(errors([...recent.slice(1), 5 * HOUR_MS])).toBe("error");
});

test("with attempts the waits double up to a minute, and the last error fails", () => {
  const waits = Array.from({ length: 9 }, (_, at) => {
    const errorAgesMs = Array.from({ length: Math.min(at, 8) }, () => 0);
    const settlement = settlementOfError(
      { attemptsMax: 9, attempt: at + 1, errorAgesMs, options: null },
      "x",
      chance,
    );
    return settlement.type === "error" && "forMs" in settlement ? settlement.forMs : settlement.type;
  });
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, "fail"]);
});

test("the waits are spread by a fifth either way", () => {
  const wait = (random: number): number => {
    const settlement = settlementOfError(
      { attemptsMax: 2, attempt: 1, errorAgesMs: [], options: null },
      "x",
      {
        ...chance,
        random: () => random,
      },
    );
    return settlement.type === "error" && "forMs" in settlement ? settlement.forMs : 0;
  };
  expect([wait(0), wait(0.5)]).toEqual([800, 1000]);
  expect(wait(0.999)).toBeLessThanOrEqual(1200);
});

test("attempts that lapsed or were released are not counted against the task", () => {
  const settlement = settlementOfError(
    { attemptsMax: 3, attempt: 6, errorAgesMs: [0], options: null },
    "x",
    chance,
  );
  expect(settlement.type).toBe("error");
});
