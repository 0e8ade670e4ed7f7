/** Questions and commands that wait for an answer, and what they are told when there is none. */
import { expect, test } from "bun:test";
import { NoQuorumError, StoppedError, UnknownOutcomeError } from "../../../src/base/errors.ts";
import { Queries } from "../../../src/coordinator/queries.ts";
import type { Input } from "../../../src/protocol/model/contract.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";

const CALL = { timeoutMs: 100 };

function setUp(isUnsent: boolean): { queries: Queries; environment: FakeEnvironment; pushed: Input[] } {
  const pushed: Input[] = [];
  const environment = new FakeEnvironment();
  const queries = new Queries({
    environment,
    push: (input) => pushed.push(input),
    nextRid: () => 1,
    diagnosis: {
      isUnsent: () => isUnsent,
      noQuorum: (_, attempt) => new NoQuorumError(`Cannot ${attempt}`),
      cannotCommand: (id) => new NoQuorumError(`Cannot tell ${id}`),
      unknownCommand: (id, why) => new UnknownOutcomeError(`${id}: ${why}`, [id]),
    },
  });
  return { queries, environment, pushed };
}

test("a command that may have been sent is unknown when its time is over, else not done", async () => {
  for (const [isUnsent, kind] of [[true, NoQuorumError], [false, UnknownOutcomeError]] as const) {
    const { queries, environment, pushed } = setUp(isUnsent);
    const error = queries.command("t", 7, { type: "kill" }, CALL).catch((each) => each);
    environment.advance(100);
    expect(await error).toBeInstanceOf(kind);
    expect(pushed.at(-1)).toEqual({ type: "cancel", rid: 1 });
  }
});

test("a command that may have been sent is unknown when the node stops, else not done", async () => {
  for (const [isUnsent, kind] of [[true, StoppedError], [false, UnknownOutcomeError]] as const) {
    const { queries } = setUp(isUnsent);
    const error = queries.command("t", 7, { type: "kill" }, CALL).catch((each) => each);
    queries.stop();
    expect(await error).toBeInstanceOf(kind);
  }
});

test("a question changes nothing, so without an answer there is no quorum", async () => {
  const { queries, environment } = setUp(false);
  const error = queries.ask(3, { type: "get", id: "t" }, CALL).catch((each) => each);
  environment.advance(100);
  expect(await error).toBeInstanceOf(NoQuorumError);
});
