/** The client, on a cluster that is made up. */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { commandOn } from "../../../examples/demo/peer-process.ts";
import { defineTask } from "../../../src/task/definition.ts";
import { decodeValue, encodeValue } from "../../../src/task/values.ts";
import {
  ConflictError,
  InvalidInputError,
  NotFoundError,
  StateError,
  TooOldError,
  UnknownOutcomeError,
} from "../../../src/base/errors.ts";
import { PortClient, type SubmitOptions } from "../../../src/client/client.ts";
import { specOf } from "../../../src/client/submission.ts";
import { ANY_TASK } from "../../../src/protocol/model/task-filter.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";
import { FakePort, snapshot } from "../../support/fake-port.ts";
import { taskSpec } from "../../support/tasks.ts";

const work = defineTask<unknown, unknown>({ name: "n" });

function setUp(): { port: FakePort; client: PortClient } {
  const port = new FakePort();
  return { port, client: new PortClient(port) };
}

test("a submit carries the encoded input and what was asked for", async () => {
  const { port, client } = setUp();
  const runAt = new Date("2030-01-01T00:00:00Z");
  const handle = await client.submit(work, { a: 1 }, { id: "x", attempts: 3, runAt });
  const [spec] = port.submitted[0] ?? [];
  expect(handle).toMatchObject({ id: "x", created: true });
  expect(spec).toMatchObject({ id: "x", name: "n", attemptsMax: 3, runAtMs: runAt.getTime() });
  expect(decodeValue(spec?.payload ?? new Uint8Array(), "input")).toEqual({ a: 1 });
});

test("what is submitted does not depend on the client's wall clock", () => {
  const specs = [1000, 1e15].map((wallMs) => {
    const environment = Object.assign(new FakeEnvironment(), { wallMs: () => wallMs });
    return specOf(work, { input: 1, id: "x", delayMs: 5000 }, {}, environment);
  });
  expect(specs[0]).toMatchObject({ delayMs: 5000, runAtMs: 0 });
  expect(specs[1]).toEqual(specs[0]!);
});

test("a task without an id gets one of its own, and a known one says so", async () => {
  const { port, client } = setUp();
  const [a, b] = [await client.submit(work, 1), await client.submit(work, 1)];
  expect(a.id).not.toBe(b.id);
  port.statusOf = () => "exists";
  expect((await client.submit(work, 1, { id: "x" })).created).toBe(false);
});

test("refusals become errors that a program can catch", async () => {
  const { port, client } = setUp();
  port.statusOf = () => "conflict";
  await expect(client.submit(work, 1, { id: "x" })).rejects.toThrow(ConflictError);
  port.statusOf = () => "tooOld";
  await expect(client.submit(work, 1, { id: "x" })).rejects.toThrow(TooOldError);
  port.statusOf = () => new Error("from the port");
  await expect(client.submit(work, 1, { id: "x" })).rejects.toThrow("from the port");
});

test("bad arguments are refused before anything is sent", async () => {
  const { port, client } = setUp();
  const cases: [unknown, string][] = [
    [{ Id: "x" }, 'there is no option "Id"; did you mean "id"?'],
    [{ id: "" }, "id must be a text that is not empty"],
    [{ id: 5 }, "id must be a text that is not empty, got 5"],
    [{ id: "é".repeat(129) }, "id may have 256 bytes, got 258"],
    [{ id: "\ud800" }, "id must be a text"],
    [{ attempts: 0 }, "attempts must be an integer from 1"],
    [{ delayMs: 1e300 }, "delayMs must be >= 0 and end within time"],
    [{ delayMs: -1 }, "delayMs must be >= 0"],
    [{ delayMs: 1, runAt: new Date() }, "exclude each other"],
    [{ runAt: "tomorrow" }, "runAt must be a valid Date"],
    [{ timeoutMs: 0 }, "timeoutMs must be an integer from 1"],
  ];
  for (const [options, message] of cases) {
    await expect(client.submit(work, 1, options as SubmitOptions)).rejects.toThrow(message);
  }
  await expect(client.submit({ name: "" }, 1)).rejects.toThrow("must come from defineTask");
  await expect(client.submit(work, () => 1)).rejects.toThrow("Cannot encode input");
  expect(port.submitted).toEqual([]);
});

test("an input that does not fit is refused at submit, also by an asynchronous schema", async () => {
  const { port, client } = setUp();
  for (const isLater of [false, true]) {
    const result = { issues: [{ message: "must be text", path: ["a", { key: 0 }] }] };
    const picky = defineTask({
      name: "picky",
      input: {
        "~standard": { version: 1, vendor: "t", validate: () => isLater ? Promise.resolve(result) : result },
      },
    });
    const error = await client.submit(picky, 1 as never).catch((each) => each);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.message).toBe('Cannot submit task "picky": its input does not fit: a.0: must be text');
  }
  expect(port.submitted).toEqual([]);
});

test("many are sent in windows and come back in order", async () => {
  const { port, client } = setUp();
  function* inputs(): Generator<{ input: number; id: string }> {
    for (let n = 0; n < 2500; n++) yield { input: n, id: `t${n}` };
  }
  const handles = await client.submitMany(work, inputs());
  expect(port.submitted.map((window) => window.length)).toEqual([1000, 1000, 500]);
  expect(handles.map((handle) => handle.id)).toEqual(Array.from({ length: 2500 }, (_, n) => `t${n}`));
});

test("large inputs make small windows", async () => {
  const { port, client } = setUp();
  const big = "x".repeat(200_000);
  await client.submitMany(work, Array.from({ length: 12 }, () => ({ input: big })));
  expect(port.submitted.map((window) => window.length)).toEqual([5, 5, 2]);
});

test("the first refusal of many rejects, and no further window is sent", async () => {
  const { port, client } = setUp();
  port.statusOf = (spec) => spec.id === "t3" ? "conflict" : "created";
  const many = Array.from({ length: 20_000 }, (_, n) => ({ input: n, id: `t${n}` }));
  await expect(client.submitMany(work, many)).rejects.toThrow('Cannot submit task "t3"');
  expect(port.submitted.length).toBeLessThan(8);
});

test("done gives results and errors, and an error for what is not known any more", async () => {
  const { port, client } = setUp();
  const doneOf = async (outcome: object): Promise<unknown> => {
    const handle = await client.submit(work, 1, { id: "x" });
    const done = handle.done().catch((error) => error);
    port.end({ id: "x", ...outcome });
    port.waiting.delete("x");
    return await done;
  };
  expect(await doneOf({ result: encodeValue([1n], "result") })).toEqual({ state: "completed", result: [1n] });
  expect(await doneOf({ result: null })).toEqual({ state: "completed", result: undefined });
  const failed = { state: "failed", error: "bad", failedBecause: "fatal" } as const;
  expect(await doneOf(failed)).toEqual(failed);
  expect(await doneOf({ state: "unknown" })).toBeInstanceOf(TooOldError);
});

test("get shows a task whole, with its result decoded", async () => {
  const { port, client } = setUp();
  port.tasks = [
    snapshot("a", { result: encodeValue({ n: 1 }, "result") }),
    snapshot("b", { why: "because" }),
  ];
  expect((await client.get("a"))?.result).toEqual({ n: 1 });
  expect(await client.get("b")).toMatchObject({ result: null, why: "because" });
  expect(await client.get("c")).toBeUndefined();
});

test("list goes on over pages, with what it was asked for", async () => {
  const { port, client } = setUp();
  port.tasks = ["a", "b", "c", "d", "e"].map((id) =>
    snapshot(id, { owner: `id-${id}`, ownerName: `name-${id}` })
  );
  expect((await Array.fromAsync(client.list())).length).toBe(5);
  expect((await Array.fromAsync(client.list({ limit: 3 }))).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  const since = new Date(7);
  await Array.fromAsync(client.list({ states: ["failed"], node: "id-b", tag: "eu", submittedSince: since }));
  expect(port.filters.at(-1)).toEqual({
    ...ANY_TASK,
    ...{ states: ["failed"], node: "id-b", tag: "eu", sinceMs: 7 },
  });
});

test("a list without contents has neither input nor result, and says so by their absence", async () => {
  const { port, client } = setUp();
  port.tasks = [snapshot("a", { result: encodeValue(1, "result") })];
  const [task] = await Array.fromAsync(client.list());
  expect("result" in task! || "input" in task! || "spec" in task!).toBe(false);
  expect(await client.get("a")).toMatchObject({ result: 1, tags: [] });
});

test("a page names where the next one begins", async () => {
  const { port, client } = setUp();
  port.tasks = ["a", "b", "c"].map((id) => snapshot(id));
  const first = await client.listPage();
  expect(first.tasks.map(({ id }) => id)).toEqual(["a", "b"]);
  const second = await client.listPage({ cursor: first.cursor! });
  expect([second.tasks.map(({ id }) => id), second.cursor]).toEqual([["c"], null]);
});

const BAD_LISTS: readonly (readonly [object, string])[] = [
  [{ states: ["running"] }, "a state must be one of"],
  [{ states: [] }, "states must be a list of states that is not empty"],
  [{ state: "failed" }, 'there is no option "state"; did you mean "states"?'],
  [{ tag: "x".repeat(65) }, "tag may have 64 bytes, got 65"],
  [{ submittedSince: 7 }, "submittedSince must be a valid Date, got 7"],
  [{ submittedSince: new Date(2), submittedUntil: new Date(1) }, "must be after submittedSince"],
  [{ limit: 0 }, "limit must be an integer from 1"],
  [{ cursor: "there" }, "cursor must be the cursor of a page"],
];

for (const [options, problem] of BAD_LISTS) {
  test(`a list is refused that asks for ${JSON.stringify(options)}`, async () => {
    const { client } = setUp();
    await expect(Array.fromAsync(client.list(options))).rejects.toThrow(problem);
  });
}

test("a retry names the end that was seen, and a later one is refused in words", async () => {
  const { port, client } = setUp();
  await client.retry("a", { fence: 7n, commandId: "c" });
  expect(port.commands.at(-1)).toEqual(["a", expect.any(Number), { type: "retry", fence: 7 }]);
  const refusals = [
    ["open", StateError, "has not ended, or somebody has retried it"],
    ["other", StateError, "ended again since the end of fence 7"],
    ["invalid", StateError, "it has completed; a clone"],
    ["unknown", NotFoundError, "no such task"],
  ] as const;
  for (const [status, type, text] of refusals) {
    port.commandStatus = status;
    const error = await client.retry("a", { fence: "7" }).catch((each) => each);
    expect(error).toBeInstanceOf(type);
    expect(error.message).toContain(text);
  }
  await expect(client.retry("a", { fence: 7 as never })).rejects.toThrow("got the number 7");
  await expect(client.retry("a", undefined as never)).rejects.toThrow(TypeError);
});

test("a purge of one task is of the end that it has; what is forgotten already is forgotten", async () => {
  const { port, client } = setUp();
  port.tasks = [snapshot("a", { state: "failed", fence: "9" }), snapshot("b")];
  await client.purge("a");
  expect(port.commands.at(-1)?.[2]).toEqual({ type: "purge", fence: 9 });
  await expect(client.purge("b")).rejects.toThrow("has not ended, it is pending; kill it first");
  await expect(client.purge("z")).rejects.toThrow(NotFoundError);
  port.commandStatus = "unknown";
  await client.purge("a", { fence: "9" });
});

test("all of a filter: what somebody else has done meanwhile is counted and stops nothing", async () => {
  const { port, client } = setUp();
  port.tasks = ["a", "b", "c"].map((id, at) => snapshot(id, { state: "failed", fence: `${at + 1}` }));
  port.commandStatusOf = (id) => id === "b" ? "open" : "applied";
  expect(await client.retryAll({ tag: "eu" })).toEqual({ done: 2, skipped: 1 });
  expect(port.filters.at(-1)).toMatchObject({ states: ["failed"], tag: "eu" });
  expect(await client.purge({})).toEqual({ done: 2, skipped: 1 });
  expect(port.filters.at(-1)?.states).toEqual(["completed", "killed", "failed"]);
  await expect(client.retryAll({ states: ["completed"] })).rejects.toThrow("some of killed, failed");
  await expect(client.purge({ states: ["leased"] })).rejects.toThrow("some of completed, killed, failed");
});

test("a clone is the same task under another id, to run at once", async () => {
  const { port, client } = setUp();
  const spec = taskSpec("a", { name: "n", attemptsMax: 3, runAtMs: 5, payload: encodeValue(1, "input") });
  port.tasks = [snapshot("a", { spec })];
  await client.clone("a", { id: "b" });
  expect(port.submitted.at(-1)).toEqual([{ ...spec, id: "b", runAtMs: 0, cid: expect.any(Number) }]);
  await client.clone("a", { input: 2 });
  expect(port.submitted.at(-1)![0]!.payload).toEqual(encodeValue(2, "input"));
  await expect(client.clone("z")).rejects.toThrow(NotFoundError);
});

test("the retention is the cluster's: what is not named stays, and a race is told", async () => {
  const { port, client } = setUp();
  expect(await client.retention()).toEqual({ completedMs: 3_600_000, failedMs: 604_800_000 });
  await client.setRetention({ completedMs: 5000 });
  expect(port.agreed).toEqual({ no: 1, completedMs: 5000, failedMs: 604_800_000 });
  await client.setRetention({ failedMs: 6000 });
  expect(port.agreed).toEqual({ no: 2, completedMs: 5000, failedMs: 6000 });
  port.retain = () => Promise.resolve();
  await expect(client.setRetention({ failedMs: 7000 })).rejects.toThrow(StateError);
  await expect(client.setRetention({ failedMs: 1 })).rejects.toThrow("from 1000 to 315360000000, got 1");
});

test("tags and retention go along with a submit, and have bounds", async () => {
  const { port, client } = setUp();
  const task = defineTask({ name: "n" });
  await client.submit(task, 1, { tags: ["eu", "invoice", "eu"], retention: { failedMs: 5000 } });
  expect(port.submitted.at(-1)![0]!.options).toMatchObject({
    tags: ["eu", "invoice"],
    retention: { completedMs: 0, failedMs: 5000 },
  });
  const tags = Array.from({ length: 17 }, (_, at) => `t${at}`);
  await expect(client.submit(task, 1, { tags })).rejects.toThrow("tags may be 16, got 17");
  await expect(client.submit(task, 1, { tags: ["é".repeat(33)] })).rejects.toThrow(
    "may have 64 bytes, got 66",
  );
  await expect(client.submit(task, 1, { tags: "eu" as never })).rejects.toThrow("must be a list of texts");
  await expect(client.submit(task, 1, { retention: { doneMs: 1 } as never })).rejects.toThrow(
    'option "doneMs"',
  );
});

test("leaving a watch ends it", async () => {
  const { port, client } = setUp();
  const event = { id: "a", state: "leased", owner: "x", ownerName: "X", fence: "1" };
  port.events = [[event, { ...event, fence: "2" }]];
  const fences: string[] = [];
  for await (const each of client.watch()) {
    fences.push(each.fence);
    if (fences.length === 2) break;
  }
  expect(fences).toEqual(["1", "2"]);
});

test("a command repeated with its id has the same number, another has another", async () => {
  const port = new FakePort();
  const client = new PortClient(port);
  for (const commandId of ["one", "one", "two"]) await client.command("t", { type: "kill" }, { commandId });
  await client.command("t", { type: "kill" });
  await client.command("t", { type: "kill" });
  const [first, again, ...others] = port.commands.map(([, cid]) => cid);
  expect(again).toBe(first!);
  expect(new Set([first, ...others]).size).toBe(4);
  expect(port.commands.every(([, cid]) => Number.isSafeInteger(cid) && cid >= 0 && cid < 2 ** 52)).toBe(true);
  await expect(client.command("t", { type: "kill" }, { commandId: "" })).rejects.toThrow(
    "Cannot command a task: commandId must be a text that is not empty",
  );
});

for (const runtime of ["bun", "deno", "node"] as const) {
  test(`${runtime}: a command's number follows from its id, on every machine the same`, () => {
    const [command = "", ...args] = commandOn(runtime, "tests/support/command-number.ts", []);
    // the first 8 bytes of its SHA-256, read big-endian, without the highest 12 bits
    expect(execFileSync(command, args, { encoding: "utf8" }).trim()).toBe("778098643614592");
  });
}

test("a command whose outcome is unknown says under which id to repeat it", async () => {
  const port = new FakePort();
  port.command = () => Promise.reject(new UnknownOutcomeError("Cannot tell", ["t"]));
  const client = new PortClient(port);
  const error = await client.command("t", { type: "kill" }, { commandId: "x" }).catch((each) => each);
  expect(error).toBeInstanceOf(UnknownOutcomeError);
  expect([error.message, error.ids]).toEqual([`Cannot tell; repeat it with commandId "x"`, ["t"]]);
});

test("a command to a node gets a number of its own, below 2^52", async () => {
  const { port, client } = setUp();
  await client.commandNode("b", { type: "freeze" });
  await client.commandNode("b", { type: "stopTask", id: "t" });
  const [first, second] = port.orders;
  expect([first, second]).toMatchObject([
    { node: "b", command: { type: "freeze" } },
    { node: "b", command: { type: "stopTask", id: "t" } },
  ]);
  expect(first?.cid).not.toBe(second?.cid ?? 0);
  for (const order of port.orders) expect(Number.isSafeInteger(order.cid) && order.cid < 2 ** 52).toBe(true);
});

test("a command that makes no sense is refused before anything is sent", async () => {
  const { port, client } = setUp();
  const cases: [unknown, unknown, unknown, string][] = [
    ["", { type: "freeze" }, {}, "node must be a text that is not empty"],
    [undefined, { type: "freeze" }, {}, "node must be a text that is not empty, got null"],
    [
      "b",
      "freeze",
      {},
      'its type must be one of freeze, unfreeze, balance, drain, leave, stopTask, got "freeze"',
    ],
    ["b", { type: "stopTask" }, {}, "Cannot stop a task: id must be a text that is not empty"],
    ["b", { type: "freeze", id: "t" }, {}, 'there is no option "id"'],
    ["b", { type: "freeze" }, { timeout: 1 }, 'there is no option "timeout"; did you mean "timeoutMs"?'],
  ];
  for (const [node, command, options, message] of cases) {
    await expect(client.commandNode(node as string, command as never, options as never)).rejects.toThrow(
      message,
    );
  }
  expect(port.orders).toEqual([]);
});
