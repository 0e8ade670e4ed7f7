/** Commands to nodes that wait for their answer. */
import { expect, test } from "bun:test";
import { systemEnvironment } from "../../../src/base/environment.ts";
import { ConnectError, NotFoundError, StoppedError, UnknownOutcomeError } from "../../../src/base/errors.ts";
import type { NodeCommandRequest } from "../../../src/coordinator/coordinator.ts";
import { NodeCommandCalls } from "../../../src/coordinator/node-commands.ts";
import type { Input } from "../../../src/protocol/model/contract.ts";

const request: NodeCommandRequest = { node: "b", command: { type: "freeze" }, cid: 7 };
const SOON = { timeoutMs: 5 };
const LATE = { timeoutMs: 60_000 };

interface Setup {
  readonly calls: NodeCommandCalls;
  readonly pushed: Input[];
  target: string | undefined | null;
  connected: boolean;
  refusal: Error | null;
}

function setUp(connected = true): Setup {
  const pushed: Input[] = [];
  const state = { target: "id-b" as string | undefined | null, connected, refusal: null as Error | null };
  const calls = new NodeCommandCalls({
    environment: systemEnvironment,
    push: (input) => pushed.push(input),
    diagnosis: { memberOf: () => state.target, isConnected: () => state.connected },
    refusal: (_node, { type }) => type === "leave" ? state.refusal : null,
  });
  return Object.assign(state, { calls, pushed });
}

test("a command is passed to the member that was meant, and resolves when it is done", async () => {
  const { calls, pushed } = setUp();
  const call = calls.call(request, LATE);
  expect(pushed).toEqual([{ type: "nodeCommand", cid: 7, node: "id-b", command: { type: "freeze" } }]);
  calls.answered(7, "done");
  await call;
});

test("a name that nobody has, and a task that does not run there, are not found", async () => {
  const setup = setUp();
  const stop = setup.calls.call({ ...request, command: { type: "stopTask", id: "t" } }, LATE);
  setup.calls.answered(7, "missing");
  expect(await stop.catch((error) => error)).toBeInstanceOf(NotFoundError);
  setup.target = undefined;
  const error = await setup.calls.call(request, LATE).catch((each) => each);
  expect(error).toBeInstanceOf(NotFoundError);
  expect(error.message).toBe('Cannot freeze node "b": no member has the name or id "b"');
  setup.target = null;
  expect(await setup.calls.call(request, LATE).catch((each) => each)).toBeInstanceOf(ConnectError);
  expect(setup.pushed).toHaveLength(2);
});

test("without an answer it is unknown, unless the node was never connected", async () => {
  const [up, down, later] = [setUp(), setUp(false), setUp(false)];
  expect(await up.calls.call(request, SOON).catch((error) => error)).toBeInstanceOf(UnknownOutcomeError);
  expect(up.pushed.at(-1)).toEqual({ type: "nodeCommandCancel", cid: 7 });
  expect(await down.calls.call(request, SOON).catch((error) => error)).toBeInstanceOf(ConnectError);
  const call = later.calls.call(request, SOON).catch((error) => error);
  later.connected = true;
  later.calls.peersChanged();
  later.connected = false;
  expect(await call).toBeInstanceOf(UnknownOutcomeError);
});

test("a call that is given up does not give up another with the same number", async () => {
  const { calls, pushed } = setUp();
  const first = new AbortController();
  const given = calls.call(request, { ...LATE, signal: first.signal }).catch((error) => error);
  const second = calls.call(request, LATE);
  first.abort(new Error("enough"));
  expect((await given).message).toBe("enough");
  expect(pushed.map(({ type }) => type)).toEqual(["nodeCommand", "nodeCommand"]);
  calls.answered(7, "done");
  await second;
});

test("stopping ends what waits: as unknown where it may have been done", async () => {
  const [up, down] = [setUp(), setUp(false)];
  const errors = [up, down].map(({ calls }) => calls.call(request, LATE).catch((error) => error));
  for (const { calls } of [up, down]) calls.stop();
  expect(await errors[0]).toBeInstanceOf(UnknownOutcomeError);
  expect(await errors[1]).toBeInstanceOf(StoppedError);
});

test("what is refused is not sent, and a node that refuses says so", async () => {
  const bench = setUp();
  bench.refusal = new Error("one is down");
  const leave = { node: "b", command: { type: "leave" }, cid: 1 } as const;
  await expect(bench.calls.call(leave, { timeoutMs: 1000 })).rejects.toThrow("one is down");
  expect(bench.pushed).toEqual([]);
  bench.refusal = null;
  const call = bench.calls.call(leave, { timeoutMs: 1000 });
  bench.calls.answered(1, "refused");
  await expect(call).rejects.toThrow('Cannot have node "b" leave now: it refuses');
});
