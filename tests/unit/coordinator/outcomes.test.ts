/** Waiting for the ends of tasks. */
import { expect, test } from "bun:test";
import { StoppedError } from "../../../src/base/errors.ts";
import { Outcomes } from "../../../src/coordinator/outcomes.ts";
import type { Input } from "../../../src/protocol/model/contract.ts";
import type { Outcome } from "../../../src/protocol/model/messages.ts";

const outcome: Outcome = {
  ...{ id: "a", state: "completed", fence: 3, attempt: 1, result: null, error: "" },
  failedBecause: null,
};

test("many wait for one task, the engine is asked once", async () => {
  const pushed: Input[] = [];
  const outcomes = new Outcomes((input) => pushed.push(input));
  const waiting = [outcomes.wait("a"), outcomes.wait("a")];
  outcomes.ended(outcome);
  expect(await Promise.all(waiting)).toEqual([outcome, outcome]);
  expect(pushed).toEqual([{ type: "watch", id: "a" }]);
});

test("the engine forgets a task when the last who waits gives up", async () => {
  const pushed: Input[] = [];
  const outcomes = new Outcomes((input) => pushed.push(input));
  const aborts = [new AbortController(), new AbortController()];
  const waiting = aborts.map((abort) => outcomes.wait("a", abort.signal).catch((error) => error));
  aborts[0]?.abort("first");
  expect(pushed.at(-1)).toEqual({ type: "watch", id: "a" });
  aborts[1]?.abort("second");
  expect(pushed.at(-1)).toEqual({ type: "unwatch", id: "a" });
  expect(await Promise.all<unknown>(waiting)).toEqual(["first", "second"]);
});

test("stopping rejects whoever waits", async () => {
  const outcomes = new Outcomes(() => {});
  const waiting = outcomes.wait("a").catch((error) => error);
  outcomes.stop();
  expect(await waiting).toBeInstanceOf(StoppedError);
});
