/** A client that is no member and the member that serves it, over lines that are made up and cut. */
import { expect, test } from "bun:test";
import {
  BusyError,
  ConflictError,
  ConnectError,
  NoQuorumError,
  NotFoundError,
  StoppedError,
  TooLargeError,
  TooOldError,
  UnknownOutcomeError,
  VersionMismatchError,
} from "../../../src/base/errors.ts";
import { StolosError } from "../../../src/protocol/model/stolos-error.ts";
import type { ClientStream, MeshClient } from "../../../src/mesh/mesh-types.ts";
import { PortClient } from "../../../src/client/client.ts";
import { RpcPort } from "../../../src/client/rpc-client.ts";
import { RpcConnection } from "../../../src/client/rpc-connection.ts";
import { serveClient } from "../../../src/client/rpc-server.ts";
import type { ClientPort, ListCursor, ListPage } from "../../../src/coordinator/coordinator.ts";
import { ANY_TASK } from "../../../src/protocol/model/task-filter.ts";
import type { TaskSpec } from "../../../src/protocol/model/types.ts";
import { NodeClock } from "../../../src/base/node-clock.ts";
import { FakeEnvironment } from "../../support/fake-environment.ts";
import { FakePort, snapshot } from "../../support/fake-port.ts";
import { PLAIN_OPTIONS, taskSpec } from "../../support/tasks.ts";

class Pipe {
  readonly #frames: Uint8Array[] = [];
  #wake: () => void = () => {};
  isCut = false;

  send(frame: Uint8Array): Promise<void> {
    if (this.isCut) return Promise.reject(new Error("the line is cut"));
    this.#frames.push(frame);
    this.#wake();
    return Promise.resolve();
  }

  cut(): void {
    this.isCut = true;
    this.#wake();
  }

  async *messages(): AsyncGenerator<Uint8Array> {
    while (!this.isCut) {
      const frame = this.#frames.shift();
      if (frame) yield frame;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

interface Line {
  readonly client: MeshClient;
  readonly server: ClientStream;
  cut(): void;
}

function line(member: string): Line {
  const [up, down] = [new Pipe(), new Pipe()];
  const cut = (): void => {
    up.cut();
    down.cut();
  };
  return {
    client: {
      id: "client",
      member,
      messages: down.messages(),
      send: (frame) => up.send(frame),
      stop: () => Promise.resolve(cut()),
    },
    server: { peer: "client", messages: up.messages(), send: (frame) => down.send(frame), close: cut },
    cut,
  };
}

function connected(
  port: FakePort,
  clock?: NodeClock,
): { remote: RpcPort; connection: RpcConnection; lines: Line[] } {
  const lines: Line[] = [];
  const open = (): MeshClient => {
    const each = line(`member-${lines.length}`);
    lines.push(each);
    serveClient(each.server, port);
    return each.client;
  };
  const connection = new RpcConnection(open(), () => Promise.resolve(open()));
  return { remote: new RpcPort(connection, clock), connection, lines };
}

const spec = (id: string): TaskSpec =>
  taskSpec(id, { payload: new Uint8Array([1, 2]), attemptsMax: 2, cid: 7 });

test("calls are answered as by the cluster itself", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  expect(await remote.submit([spec("a"), spec("b")], { timeoutMs: 20_000 })).toEqual(["created", "created"]);
  expect(port.submitted).toEqual([[spec("a"), spec("b")]]);
  port.tasks = [snapshot("a", { result: new Uint8Array([9]) })];
  expect(await remote.get("a", { timeoutMs: 20_000 })).toEqual(port.tasks[0]);
  expect(await remote.get("z", { timeoutMs: 20_000 })).toBeUndefined();
  expect(await remote.list(ANY_TASK, { p: 0, after: "" }, { timeoutMs: 20_000, limit: 10 })).toEqual({
    tasks: port.tasks,
    next: null,
  });
  const ended = remote.outcome("a");
  while (!port.waiting.has("a")) await new Promise((resolve) => setImmediate(resolve));
  port.end({ id: "a", state: "failed", error: "x" });
  expect(await ended).toMatchObject({ id: "a", state: "failed", error: "x" });
  await connection.stop();
});

test("errors keep their class and what is in them", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  const keepers = [{ id: "i", name: "a", up: true }];
  port.statusOf = () => new NoQuorumError("Cannot: no", 12, keepers);
  const error = await remote.submit([spec("a")], { timeoutMs: 20_000 }).catch((each) => each);
  expect(error).toBeInstanceOf(NoQuorumError);
  expect([error.message, error.partition, error.keepers]).toEqual(["Cannot: no", 12, keepers]);
  port.statusOf = () => new ConflictError("taken");
  await expect(remote.submit([spec("a")], { timeoutMs: 20_000 })).rejects.toThrow(ConflictError);
  await expect(remote.outcome("")).rejects.toThrow(TypeError);
  await connection.stop();
});

test("when the member is gone, what was asked is asked again of the next one", async () => {
  const port = new FakePort();
  const { remote, connection, lines } = connected(port);
  const ended = remote.outcome("a");
  while (!port.waiting.has("a")) await new Promise((resolve) => setImmediate(resolve));
  port.waiting.clear();
  lines[0]?.cut();
  while (!port.waiting.has("a")) await new Promise((resolve) => setImmediate(resolve));
  port.end({ id: "a" });
  expect(await ended).toMatchObject({ id: "a", state: "completed" });
  expect(lines.length).toBe(2);
  await connection.stop();
});

test("a submit that is sent again says how old it is, by the client's own clock", async () => {
  const port = new FakePort();
  const { remote, connection, lines } = connected(port);
  port.answers = new Promise(() => {});
  const submitting = remote.submit([spec("a")], { timeoutMs: 20_000 });
  while (port.agesMs.length < 1) await new Promise((resolve) => setImmediate(resolve));
  const sentMs = performance.now();
  while (performance.now() - sentMs < 20) await new Promise((resolve) => setImmediate(resolve));
  port.answers = Promise.resolve();
  lines[0]?.cut();
  expect(await submitting).toEqual(["created"]);
  expect(port.agesMs[0]).toBeLessThan(port.agesMs[1]!);
  expect(port.agesMs[1]).toBeGreaterThanOrEqual(20);
  await connection.stop();
});

test("the age of a submit counts the time for which the client's machine was suspended", async () => {
  const port = new FakePort();
  const environment = new FakeEnvironment();
  const { remote, connection, lines } = connected(port, new NodeClock(environment));
  port.answers = new Promise(() => {});
  const submitting = remote.submit([spec("a")], { timeoutMs: 20_000 });
  while (port.agesMs.length < 1) await new Promise((resolve) => setImmediate(resolve));
  environment.wallAheadMs = 3_600_000;
  port.answers = Promise.resolve();
  lines[0]?.cut();
  expect(await submitting).toEqual(["created"]);
  expect(port.agesMs).toEqual([0, 3_600_000]);
  await connection.stop();
});

test("a member that stops gives no answer: the next one does", async () => {
  const port = new FakePort();
  const { remote, connection, lines } = connected(port);
  const submit = port.submit.bind(port);
  port.submit = (): Promise<never> => {
    port.submit = submit;
    port.stopping.abort();
    return Promise.reject(new StoppedError("Cannot submit tasks: the node has stopped"));
  };
  expect(await remote.submit([spec("a")], { timeoutMs: 2000 })).toEqual(["created"]);
  expect(lines.length).toBe(2);
  await connection.stop();
});

test("without an answer in time a submit may have been recorded, and with no member it was not", async () => {
  const port = new FakePort();
  port.submit = () => new Promise(() => {});
  const { remote, connection } = connected(port);
  const sent = await remote.submit([spec("a")], { timeoutMs: 1 }).catch((error) => error);
  expect(sent).toBeInstanceOf(UnknownOutcomeError);
  expect(sent.ids).toEqual(["a"]);
  await connection.stop();

  const first = line("dead");
  const alone = new RpcConnection(first.client, () => Promise.reject(new Error("nobody there")));
  first.cut();
  await new Promise((resolve) => setImmediate(resolve));
  await expect(new RpcPort(alone).submit([spec("a")], { timeoutMs: 1 })).rejects.toThrow(ConnectError);
  await alone.stop();
});

test("what was sent and not answered is unknown when the client is closed, a question is not", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  port.command = () => new Promise(() => {});
  port.submit = () => new Promise(() => {});
  port.get = () => new Promise(() => {});
  const calls = [
    remote.command("t", 1, { type: "kill" }, { timeoutMs: 20_000 }),
    remote.submit([spec("a")], { timeoutMs: 20_000 }),
    remote.get("a", { timeoutMs: 20_000 }),
  ].map((call) => call.catch((error: Error) => error));
  await connection.stop();
  const kinds = (await Promise.all(calls)).map((error) => error?.constructor);
  expect(kinds).toEqual([UnknownOutcomeError, UnknownOutcomeError, StoppedError]);
});

test("after a member was lost, what the next one says was not done may have been done", async () => {
  for (const answer of ["unknown" as const, new NoQuorumError("Cannot: no")]) {
    const port = new FakePort();
    const { remote, connection, lines } = connected(port);
    port.command = (): Promise<never> => {
      port.command = () => answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      lines[0]?.cut();
      return new Promise(() => {});
    };
    const call = { timeoutMs: 20_000 };
    const error = await remote.command("t", 1, { type: "kill" }, call).catch((each) => each);
    expect(error).toBeInstanceOf(UnknownOutcomeError);
    const again = await remote.command("t", 1, { type: "kill" }, call).catch((each) => each.constructor);
    expect(again).toBe(answer instanceof Error ? NoQuorumError : "unknown");
    await connection.stop();
  }
});

const MADE_LATER = [
  new NoQuorumError("no quorum"),
  new ConnectError("away"),
  new BusyError("too many requests"),
  new NotFoundError("no such member"),
  new VersionMismatchError("no such request"),
  new TypeError("not well-formed"),
  new RangeError("too long"),
  new StolosError("NEW_IN_A_LATER_VERSION", "whatever"),
];

/** What the call ends with when the first member carries it out and is lost, and the second one refuses. */
async function refusedAfterDone(refusal: Error, call: (remote: RpcPort) => Promise<unknown>): Promise<Error> {
  const port = new FakePort();
  const { remote, connection, lines } = connected(port);
  let count = 0;
  const answer = (): Promise<never> => {
    if (count++ > 0) return Promise.reject(refusal);
    lines[0]?.cut();
    return new Promise(() => {});
  };
  Object.assign(port, { submit: answer, command: answer, commandNode: answer });
  const error = await call(remote).then(() => new Error("it was done"), (each) => each as Error);
  await connection.stop();
  expect(count).toBe(2);
  return error;
}

const CHANGING_CALLS: Record<string, (remote: RpcPort) => Promise<unknown>> = {
  submit: (remote) => remote.submit([spec("a")], { timeoutMs: 20_000 }),
  command: (remote) => remote.command("a", 1, { type: "pause" }, { timeoutMs: 20_000 }),
  stopTask: (remote) =>
    remote.commandNode({ node: "b", command: { type: "stopTask", id: "a" }, cid: 1 }, { timeoutMs: 20_000 }),
};

test.each(Object.keys(CHANGING_CALLS))(
  "no refusal of a second member says that %s was not done",
  async (name) => {
    for (const refusal of MADE_LATER) {
      const error = await refusedAfterDone(refusal, CHANGING_CALLS[name]!);
      expect([refusal.message, error.constructor]).toEqual([refusal.message, UnknownOutcomeError]);
      expect(error.message).toContain(refusal.message);
    }
  },
);

test("what a second member says of the task's record, or does not know, stands as it is", async () => {
  for (const refusal of [new ConflictError("other"), new TooOldError("old"), new UnknownOutcomeError("hm")]) {
    const error = await refusedAfterDone(refusal, CHANGING_CALLS.submit!);
    expect([error.constructor, error.message]).toEqual([refusal.constructor, refusal.message]);
  }
});

test("a client that is closed while it looks for another member stops looking", async () => {
  const first = line("member-0");
  const searching = Promise.withResolvers<AbortSignal>();
  const connection = new RpcConnection(first.client, (_, signal) => {
    searching.resolve(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  first.server.close();
  const signal = await searching.promise;
  expect(signal.aborted).toBe(false);
  await connection.stop();
  expect(signal.aborted).toBe(true);
});

/** A client of a member that can do nothing, and of another one that can; both get what is asked. */
function besides(first: FakePort, second: FakePort): { remote: RpcPort; connection: RpcConnection } {
  const open = (port: FakePort, name: string): MeshClient => {
    const each = line(name);
    serveClient(each.server, port);
    return each.client;
  };
  const connection = new RpcConnection(open(first, "member-0"), (avoid) => {
    expect(avoid).toBe("member-0");
    return Promise.resolve(open(second, "member-1"));
  });
  return { remote: new RpcPort(connection), connection };
}

test("what a member cannot ask anybody is asked of another one, which has the rest of the time", async () => {
  const [first, second] = [new FakePort(), new FakePort()];
  const times: number[] = [];
  const refuse = (timeoutMs: number): Promise<never> => {
    times.push(timeoutMs);
    return Promise.reject(new NoQuorumError("Cannot: no quorum"));
  };
  const port: Pick<ClientPort, "submit" | "get" | "command"> = {
    submit: (_specs, options) => refuse(options.timeoutMs),
    get: (_id, options) => refuse(options.timeoutMs),
    command: (_id, _cid, _message, options) => refuse(options.timeoutMs),
  };
  Object.assign(first, port);
  const { remote, connection } = besides(first, second);
  const call = { timeoutMs: 20_000 };
  expect(await remote.submit([spec("a")], call)).toEqual(["created"]);
  second.command = () => Promise.resolve("unknown");
  expect(await remote.command("a", 1, { type: "pause" }, call)).toBe("unknown");
  await remote.get("a", call);
  expect(second.submitted).toEqual([[spec("a")]]);
  expect(times).toEqual([10_000, 10_000, 10_000]);
  await connection.stop();
});

test("without another member the first one's refusal stands", async () => {
  const port = new FakePort();
  port.get = () => Promise.reject(new NoQuorumError("Cannot: no quorum"));
  const each = line("member-0");
  serveClient(each.server, port);
  const connection = new RpcConnection(each.client, () => Promise.reject(new Error("nobody there")));
  const remote = new RpcPort(connection);
  await expect(remote.get("a", { timeoutMs: 20_000 })).rejects.toThrow(NoQuorumError);
  await connection.stop();
});

test("what may have been done in half of the time is asked again under the same number", async () => {
  const port = new FakePort();
  const cids: number[] = [];
  const late: Pick<ClientPort, "command"> = {
    command: (_id, cid, _message, { timeoutMs }) => {
      cids.push(cid);
      if (cids.length > 1) return Promise.resolve("applied");
      return new Promise((_, reject) => {
        setTimeout(() => reject(new UnknownOutcomeError("Cannot know")), timeoutMs);
      });
    },
  };
  Object.assign(port, late);
  const { remote, connection } = connected(port);
  expect(await remote.command("a", 7, { type: "pause" }, { timeoutMs: 2000 })).toBe("applied");
  expect(cids).toEqual([7, 7]);
  await connection.stop();
});

test("a command to a node goes along with its number, and keeps it at the next member", async () => {
  const port = new FakePort();
  const { remote, connection, lines } = connected(port);
  const order = { node: "b", command: { type: "stopTask", id: "t" }, cid: 2 ** 52 - 1 } as const;
  await remote.commandNode(order, { timeoutMs: 20_000 });
  const commandNode = port.commandNode.bind(port);
  port.commandNode = (given): Promise<never> => {
    port.orders.push(given);
    port.commandNode = commandNode;
    lines[0]?.cut();
    return new Promise(() => {});
  };
  await remote.commandNode({ ...order, cid: 5 }, { timeoutMs: 2000 });
  expect(port.orders).toEqual([order, { ...order, cid: 5 }, { ...order, cid: 5 }]);
  await connection.stop();
});

test("what goes wrong with a command to a node keeps its class", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  const order = { node: "b", command: { type: "freeze" }, cid: 1 } as const;
  for (const error of [new NotFoundError("gone"), new ConnectError("away"), new UnknownOutcomeError("hm")]) {
    port.errorOf = () => error;
    const got = await remote.commandNode(order, { timeoutMs: 20_000 }).catch((each) => each);
    expect([got.constructor, got.message]).toEqual([error.constructor, error.message]);
  }
  const command = { type: "melt" } as never;
  await expect(remote.commandNode({ ...order, command }, { timeoutMs: 20_000 })).rejects.toThrow(
    'its type must be one of freeze, unfreeze, balance, drain, leave, stopTask, got "melt"',
  );
  await expect(remote.commandNode({ ...order, cid: -1 }, { timeoutMs: 20_000 })).rejects.toThrow(
    "cid must be",
  );
  port.commandNode = () => new Promise(() => {});
  const late = await remote.commandNode(order, { timeoutMs: 1 }).catch((each) => each);
  expect(late).toBeInstanceOf(UnknownOutcomeError);
  expect(late.message).toBe('Cannot know whether node "b" carried out "freeze": no answer within 1 ms');
  await connection.stop();
});

test("giving up a wait is sent to the member", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  const abort = new AbortController();
  const ended = remote.outcome("a", abort.signal).catch((error) => error);
  while (!port.waiting.has("a")) await new Promise((resolve) => setImmediate(resolve));
  abort.abort("enough");
  expect(await ended).toBe("enough");
  while (port.aborted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(port.aborted).toEqual(["a"]);
  await connection.stop();
});

test("a watch brings events until it is left", async () => {
  const port = new FakePort();
  const event = { id: "a", state: "leased", owner: "x", ownerName: "X", fence: "1" };
  port.events = [[event], [{ ...event, fence: "2" }]];
  const { remote, connection } = connected(port);
  const abort = new AbortController();
  const fences: string[] = [];
  for await (const batch of remote.watch(abort.signal)) {
    fences.push(...batch!.map((each) => each.fence));
    if (fences.length === 2) abort.abort();
  }
  expect(fences).toEqual(["1", "2"]);
  await connection.stop();
});

test("a watch says where events are missing: the member is gone, and the next one begins anew", async () => {
  const port = new FakePort();
  const event = { id: "a", state: "leased", owner: "x", ownerName: "X", fence: "1" };
  port.events = [[event]];
  const { remote, connection, lines } = connected(port);
  const client = new PortClient(remote);
  const seen: string[] = [];
  for await (const { fence } of client.watch({ onGap: () => seen.push("gap") })) {
    seen.push(fence);
    if (seen.length === 3) break;
    lines[0]!.cut();
  }
  expect(seen).toEqual(["1", "gap", "1"]);
  await connection.stop();
});

test("a client leaves a member whose store takes nothing, and asks the next one", async () => {
  const hindered = Object.assign(new FakePort(), { isHindered: false });
  const port = new FakePort();
  const ports = [hindered, port];
  const open = (): MeshClient => {
    const each = line(`member-${2 - ports.length}`);
    serveClient(each.server, ports.shift() ?? port);
    return each.client;
  };
  const avoided: (string | null)[] = [];
  const connection = new RpcConnection(open(), (avoid) => {
    avoided.push(avoid);
    return Promise.resolve(open());
  });
  const remote = new RpcPort(connection);
  expect(await remote.submit([spec("a")], { timeoutMs: 20_000 })).toEqual(["created"]);
  hindered.isHindered = true;
  expect(await remote.submit([spec("b")], { timeoutMs: 20_000 })).toEqual(["created"]);
  expect([hindered.submitted, port.submitted]).toEqual([[[spec("a")]], [[spec("b")]]]);
  expect(avoided).toEqual(["member-0"]);
  await connection.stop();
});

test("a client that sends garbage is dropped, and a closed one says so", async () => {
  const port = new FakePort();
  const each = line("member");
  serveClient(each.server, port);
  await each.client.send(new Uint8Array([0xff, 0x00]));
  for await (const _ of each.client.messages) throw new Error("answered garbage");
  const { remote, connection } = connected(port);
  await connection.stop();
  await expect(remote.outcome("a")).rejects.toThrow(StoppedError);
});

const labels = Array.from({ length: 65 }, () => ({ key: "k", value: "v" }));
/** Each has the right form, and no log could hold it. */
const TOO_MUCH: readonly Partial<TaskSpec>[] = [
  { name: "n".repeat(257) },
  { payload: new Uint8Array(262_145) },
  { options: { ...PLAIN_OPTIONS, priority: 1001 } },
  { options: { ...PLAIN_OPTIONS, tags: Array.from({ length: 17 }, (_, at) => `t${at}`) } },
  { options: { ...PLAIN_OPTIONS, tags: ["x".repeat(65)] } },
  { options: { ...PLAIN_OPTIONS, placement: { requires: labels, prefers: [], node: "", apart: "" } } },
  {
    options: { ...PLAIN_OPTIONS, placement: { requires: [], prefers: [], node: "", apart: "x".repeat(257) } },
  },
];

test("a task that no log could hold is refused before it gets to a steward", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  for (const more of TOO_MUCH) {
    const asked = remote.submit([{ ...spec("a"), ...more }], { timeoutMs: 20_000 });
    await expect(asked).rejects.toThrow(RangeError);
  }
  expect(port.submitted).toEqual([]);
  await connection.stop();
});

// ---- sizes ------------------------------------------------------------------------------------------------

test("a page that fits no message goes out in part, and the next call has the rest", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  port.pageSize = 400;
  const progress = new Uint8Array(4000);
  const errors = Array.from({ length: 8 }, (_, attempt) => ({
    ...{ at: "2026-01-01T00:00:00.000Z", attempt, fence: "7", node: null, nodeName: null },
    ...{ kind: "error", message: "x".repeat(2000), cause: null, stack: "x".repeat(2000) } as const,
  }));
  port.tasks = Array.from({ length: 400 }, (_, at) => snapshot(`t${at}`, { progress, errors }));
  const ids: string[] = [];
  let pageCount = 0;
  for (let from: ListCursor | null = { p: 0, after: "" }; from; pageCount++) {
    const { tasks, next }: ListPage = await remote.list(ANY_TASK, from, { timeoutMs: 20_000, limit: 400 });
    ids.push(...tasks.map(({ id }) => id));
    from = next;
  }
  expect(ids).toEqual(port.tasks.map(({ id }) => id));
  expect(pageCount).toBeGreaterThan(3);
  await connection.stop();
});

test("an answer that fits no message is an error that says what to do, and the line stays", async () => {
  const port = new FakePort();
  const { remote, connection, lines } = connected(port);
  port.tasks = [snapshot("a", { result: new Uint8Array(5_000_000) })];
  const error = await remote.get("a", { timeoutMs: 20_000 }).catch((each) => each);
  expect(error).toBeInstanceOf(TooLargeError);
  expect(error.message).toMatch(/would take 5\d{6} bytes, .* ask for less/);
  expect(await remote.get("z", { timeoutMs: 20_000 })).toBeUndefined();
  expect(lines.length).toBe(1);
  await connection.stop();
});

test("a request that fits no message is refused where it is made, and the line stays", async () => {
  const port = new FakePort();
  const { remote, connection, lines } = connected(port);
  const specs = Array.from(
    { length: 40 },
    (_, at) => taskSpec(`t${at}`, { payload: new Uint8Array(200_000) }),
  );
  await expect(remote.submit(specs, { timeoutMs: 20_000 })).rejects.toThrow(TooLargeError);
  expect([port.submitted.length, lines.length]).toEqual([0, 1]);
  expect(await remote.submit(specs.slice(0, 1), { timeoutMs: 20_000 })).toEqual(["created"]);
  await connection.stop();
});

test("what is asked of an end goes through as it was said, and nonsense does not", async () => {
  const port = new FakePort();
  const { remote, connection } = connected(port);
  const call = { timeoutMs: 20_000 };
  await remote.command("a", 7, { type: "retry", fence: 9 }, call);
  expect(port.commands.at(-1)).toEqual(["a", 7, { type: "retry", fence: 9 }]);
  await expect(remote.command("a", 7, { type: "purge", fence: -1 }, call)).rejects.toThrow(TypeError);
  await remote.retain({ no: 3, completedMs: 5000, failedMs: 6000 }, call);
  expect(await remote.retention(call)).toEqual({ no: 3, completedMs: 5000, failedMs: 6000 });
  await expect(remote.retain({ no: 3, completedMs: NaN, failedMs: 6 }, call)).rejects.toThrow(RangeError);
  const retain = { type: "retain", retention: { no: 9, completedMs: 1, failedMs: 1 } } as const;
  await expect(remote.command("a", 7, retain, call)).rejects.toThrow(TypeError);
  await connection.stop();
});
