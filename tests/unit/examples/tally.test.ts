/** Claims about the demo's tally: it finds what ran twice at once and what was lost. */
import { expect, test } from "bun:test";
import { parseAttempts, tally } from "../../../examples/demo/tally.ts";

const lines = (...rows: string[]): string => rows.map((row) => `${row}\n`).join("");

test("a task that ran once to its end is completed", () => {
  const attempts = parseAttempts(lines("a start 1 1 100", "a beat 1 1 200", "a end 1 1 300"));
  expect(tally(["a"], attempts)).toEqual({
    submitted: 1,
    completed: 1,
    restarted: 0,
    overlapped: [],
    lost: [],
  });
});

test("an attempt that was killed ends with its last beat: the next may start after it", () => {
  const attempts = parseAttempts(
    lines("a start 1 1 100", "a beat 1 1 200", "a start 5 2 200", "a end 5 2 300"),
  );
  expect(tally(["a"], attempts)).toEqual({
    submitted: 1,
    completed: 1,
    restarted: 1,
    overlapped: [],
    lost: [],
  });
});

test("two attempts with a moment in common overlap, though the second ended first", () => {
  const attempts = parseAttempts(
    lines("a start 1 1 100", "a beat 1 1 400", "a start 5 2 200", "a end 5 2 300"),
  );
  expect(tally(["a"], attempts).overlapped).toEqual(["a"]);
});

test("a long attempt overlaps a third that starts after a short second has ended", () => {
  const rows = [
    "a start 1 1 100",
    "a beat 1 1 900",
    "a start 2 2 950",
    "a beat 2 2 951",
    "a start 3 3 950",
    "a end 3 3 999",
  ];
  expect(tally(["a"], parseAttempts(lines(...rows))).overlapped).toEqual(["a"]);
});

test("a task without an end, or without a trace, is lost", () => {
  const attempts = parseAttempts(lines("a start 1 1 100", "a beat 1 1 200"));
  expect(tally(["a", "b"], attempts)).toMatchObject({ completed: 0, lost: ["a", "b"] });
});

test("a half-written last line is left out", () => {
  expect(parseAttempts("a start 1 1 100\na end 1 1 2")).toMatchObject([{ isEnded: false, lastNs: 100n }]);
});
