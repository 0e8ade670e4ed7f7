/** What an error handler of the user's may answer, and that each answer is heeded. */
import { expect, test } from "bun:test";
import { settlementOfFailure } from "../../../src/consumer/error-policy.ts";
import type { ErrorHandler, TaskFailure } from "../../../src/consumer/handler.ts";
import { FatalError } from "../../../src/base/errors.ts";
import type { Settlement, TaskMessage } from "../../../src/protocol/model/types.ts";

const NOW_MS = 1_800_000_000_000;
const chance = { random: () => 0.5, wallMs: () => NOW_MS };
const task = { id: "t", attemptsMax: 0, attempt: 3, errorAgesMs: [1000], options: null };

function settle(onError: ErrorHandler, error: unknown = new Error("bad")): Settlement {
  return settlementOfFailure(task, error, onError, chance);
}

const ANSWERS: readonly (readonly [TaskMessage, Settlement])[] = [
  [{ type: "run" }, { type: "error", message: "bad", forMs: 0 }],
  [{ type: "release" }, { type: "error", message: "bad", forMs: 0 }],
  [{ type: "sleep", untilMs: NOW_MS + 5 }, { type: "error", message: "bad", untilMs: NOW_MS + 5 }],
  [{ type: "pause" }, { type: "error", message: "bad", forMs: 0, then: "pause" }],
  [{ type: "kill" }, { type: "error", message: "bad", forMs: 0, then: "kill" }],
  [{ type: "complete" }, { type: "complete", result: null }],
  [{ type: "error", message: "given up" }, { type: "fail", message: "bad", because: "errors" }],
];

for (const [answer, settlement] of ANSWERS) {
  test(`8: an error handler that answers ${answer.type} is heeded`, () => {
    expect(settle(() => answer)).toMatchObject(settlement);
  });
}

test("an error handler gets what went wrong, and when it did before", () => {
  const failures: TaskFailure[] = [];
  settle((failure) => void failures.push(failure) as undefined, "text");
  expect(failures).toEqual([{ id: "t", attempt: 3, error: "text", earlier: [new Date(NOW_MS - 1000)] }]);
});

test("an error handler that throws, answers nothing or nonsense leaves it to the default policy", () => {
  const slept: Settlement = { type: "error", message: "bad", forMs: 600_000 };
  expect(settle(() => undefined)).toMatchObject(slept);
  expect(settle(() => ({ type: "stop" }) as unknown as TaskMessage)).toMatchObject(slept);
  expect(settle(() => {
    throw new Error("handler of errors");
  })).toMatchObject(slept);
});

test("what is fatal is not asked about", () => {
  expect(settle(() => ({ type: "run" }), new FatalError("never"))).toMatchObject({
    type: "fail",
    message: "never",
    because: "fatal",
  });
});
