/** What is reported of the end of an attempt. */
import { expect, test } from "bun:test";
import { reportOf } from "../../../src/consumer/attempt-events.ts";
import type { Attempt } from "../../../src/consumer/attempt.ts";
import type { Settlement } from "../../../src/protocol/model/types.ts";

/** What a report looks at. */
function attempt(more: Partial<Pick<Attempt, "abortReason" | "handOffError">> = {}): Attempt {
  return { abortReason: null, handOffError: "", ...more } as Attempt;
}

function failed(because: "errors" | "expired"): unknown {
  return reportOf(attempt(), { type: "fail", message: "out of range", because }, false)[1];
}

test("the end of a task says why there is no further attempt", () => {
  expect(failed("errors")).toEqual({
    reason: "out of range (no further attempt)",
    failedBecause: "errors",
  });
  expect(failed("expired")).toEqual({
    reason: "its time is over (no further attempt)",
    failedBecause: "expired",
  });
});

test("a release says what aborted the handler, why it declined, and that its state is lost", () => {
  const reasonOf = (ending: Settlement, of = attempt()): unknown => reportOf(of, ending, true)[1];
  const release = { type: "release" } as const;
  expect(reasonOf(release)).toEqual({ overrun: true });
  expect(reasonOf(release, attempt({ abortReason: "drain" }))).toEqual({
    reason: "drain",
    overrun: true,
  });
  expect(reasonOf({ type: "decline", forMs: 0, why: "no room" })).toEqual({
    reason: "decline: no room",
    overrun: true,
  });
  expect(reasonOf({ type: "decline", forMs: 0, why: "" })).toEqual({ reason: "decline", overrun: true });
  expect(reasonOf(release, attempt({ abortReason: "drain", handOffError: "too large" }))).toEqual({
    reason: "drain; its state could not be handed over: too large",
    overrun: true,
  });
});
