/** Submits that wait. */
import { expect, test } from "bun:test";
import { NoQuorumError, StoppedError, UnknownOutcomeError } from "../../../src/base/errors.ts";
import { Submits } from "../../../src/coordinator/submits.ts";
import type { Input } from "../../../src/protocol/model/contract.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";
import { taskSpec } from "../../support/tasks.ts";

function setUp(
  sent = true,
  environment?: FakeEnvironment,
): { submits: Submits; pushed: Input[]; set(sent: boolean): void } {
  const pushed: Input[] = [];
  let isSent = sent;
  const submits = new Submits({
    ...(environment && { environment }),
    push: (input) => pushed.push(input),
    diagnosis: {
      isUnsent: () => !isSent,
      cannotSubmit: (id) => new NoQuorumError(`no quorum for ${id}`),
      trouble: () => "",
    },
  });
  return { submits, pushed, set: (value) => isSent = value };
}

/** Time passes, and whoever waited for that has gone on. */
async function passed(environment: FakeEnvironment, ms: number): Promise<void> {
  environment.advance(ms);
  await new Promise((resolve) => setImmediate(resolve));
}

const rids = (pushed: readonly Input[]): number[] =>
  pushed.flatMap((input) => input.type === "submit" ? [input.rid] : []);

test("a chunk resolves once with the statuses in the order of its tasks", async () => {
  const { submits, pushed } = setUp();
  const recorded = submits.submit([taskSpec("a"), taskSpec("b")], { timeoutMs: 1000 });
  const [first = 0, second = 0] = rids(pushed);
  submits.answered(second, "exists");
  submits.answered(first, "created");
  expect(await recorded).toEqual(["created", "exists"]);
});

test("what was never sent is given up as not done", async () => {
  const { submits, pushed } = setUp(false);
  const error = await submits.submit([taskSpec("a")], { timeoutMs: 5 }).catch((each) => each);
  expect(error).toBeInstanceOf(NoQuorumError);
  expect(pushed.at(-1)).toEqual({ type: "cancel", rid: 1 });
});

test("what may have been sent ends as unknown, with the ids to submit again", async () => {
  const { submits, pushed, set } = setUp(false);
  const outcome = submits.submit([taskSpec("a"), taskSpec("b")], { timeoutMs: 20 }).catch((each) => each);
  set(true);
  submits.answered(rids(pushed)[0] ?? 0, "created");
  const error = await outcome;
  expect(error).toBeInstanceOf(UnknownOutcomeError);
  expect(error.ids).toEqual(["b"]);
  expect(error.message).toContain("submit again with the same id");
});

test("each chunk is given up when its own time is over", async () => {
  const environment = new FakeEnvironment();
  const { submits } = setUp(false, environment);
  const givenUpMs: Record<string, number> = {};
  const submit = (id: string, timeoutMs: number): void =>
    void submits.submit([taskSpec(id)], { timeoutMs }).catch(() => givenUpMs[id] = environment.monoMs());
  submit("late", 600);
  submit("soon", 100);
  submit("later", 800);
  for (const ms of [100, 500, 200]) await passed(environment, ms);
  submit("after", 50);
  await passed(environment, 50);
  expect(givenUpMs).toEqual({ soon: 1100, late: 1600, later: 1800, after: 1850 });
});

test("a signal gives up, and the engine is asked no longer", async () => {
  const { submits, pushed } = setUp();
  const abort = new AbortController();
  const outcome = submits.submit([taskSpec("a")], { timeoutMs: 1000, signal: abort.signal }).catch((each) =>
    each
  );
  abort.abort(new Error("enough"));
  expect(await outcome).toEqual(new Error("enough"));
  expect(pushed.at(-1)).toEqual({ type: "cancel", rid: 1 });
});

test("stopping distinguishes what was not sent from what may have been", async () => {
  for (const [sent, kind] of [[false, StoppedError], [true, UnknownOutcomeError]] as const) {
    const { submits } = setUp(sent);
    const outcome = submits.submit([taskSpec("a")], { timeoutMs: 1000 }).catch((each) => each);
    submits.stop();
    expect(await outcome).toBeInstanceOf(kind);
  }
});

test("a chunk of which something was recorded is never given up as not done", async () => {
  const { submits } = setUp(false);
  const outcome = submits.submit([taskSpec("a"), taskSpec("b")], { timeoutMs: 5 }).catch((each) => each);
  submits.answered(1, "created");
  const error = await outcome;
  expect(error).toBeInstanceOf(UnknownOutcomeError);
  expect(error.ids).toEqual(["b"]);
});
