/** Bad input to the library: each has a clear error or event, and nothing is lost. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ConflictError,
  connectClient,
  ConnectError,
  createNode,
  defineTask,
  NoQuorumError,
  sqliteStore,
  StoppedError,
} from "../../mod.ts";
import type { NodeEventType } from "../../mod.ts";

const echo = defineTask<unknown, unknown>({ name: "echo" });

test("a node alone serves, and disposing it drains and stops it", async () => {
  const events: string[] = [];
  {
    await using node = await createNode({ coordinator: "embedded" });
    for (const type of ["ready", "task:start", "task:done", "draining", "stopped"] as const) {
      node.addEventListener(type, () => events.push(type));
    }
    node.handle(echo, (task) => task.input);
    await node.ready();
    const handle = await node.client.submit(echo, { big: 5n, at: new Date(5), raw: new Uint8Array([1]) });
    expect(await handle.done()).toEqual({
      state: "completed",
      result: { big: 5n, at: new Date(5), raw: new Uint8Array([1]) },
    });
    expect(node.state).toBe("ready");
  }
  expect(events).toEqual(["ready", "task:start", "task:done", "draining", "stopped"]);
});

test("an id that is in use with another input is a conflict, and the first task stays", async () => {
  await using node = await createNode({ coordinator: "embedded" });
  await node.client.submit(echo, 1, { id: "x" });
  await expect(node.client.submit(echo, 2, { id: "x" })).rejects.toThrow(ConflictError);
  await expect(node.client.submit(echo, 2, { id: "x" })).rejects.toThrow(
    'Cannot submit task "x": its id is in use with another name or input',
  );
  node.handle(echo, (task) => task.input);
  expect(await (await node.client.submit(echo, 1, { id: "x" })).done()).toEqual({
    state: "completed",
    result: 1,
  });
});

test("without enough nodes a submit says how many are missing, and nothing was done", async () => {
  await using node = await createNode({ expect: 3, mdns: false, namespace: `missing-${process.pid}` });
  const error = await node.client.submit(echo, 1, { timeoutMs: 100 }).catch((each) => each);
  expect(error).toBeInstanceOf(NoQuorumError);
  expect(error.message).toContain("no cluster yet: a cluster is founded by 3 nodes, of which 1 is connected");
  await expect(node.ready({ signal: AbortSignal.timeout(10) })).rejects.toThrow();
});

test("a store whose tasks are in another number of partitions is refused", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stolos-partitions-"));
  const start = (partitions: number) =>
    createNode({ coordinator: "embedded", store: sqliteStore(directory), partitions });
  try {
    await using node = await start(7);
    await node.ready();
    await node.stop();
    await expect(start(12)).rejects.toThrow(
      "Cannot create a node: partitions must be 7, as in the cluster that its store belongs to, got 12",
    );
    await using again = await start(7);
    await again.ready();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("what handlers do wrong ends as errors of their tasks", async () => {
  await using node = await createNode({ coordinator: "embedded" });
  const cases: Record<string, [() => unknown, string]> = {
    throws: [() => {
      throw new Error("on purpose");
    }, "on purpose"],
    rejects: [() => Promise.reject("text"), "text"],
    odd: [() => {
      throw { code: 5 };
    }, '{"code":5}'],
    unencodable: [() => () => 1, "got a function"],
    huge: [() => new Uint8Array(300_000), "may have 262144 bytes"],
  };
  for (const [name, [run, message]] of Object.entries(cases)) {
    const definition = defineTask<undefined, unknown>({ name });
    node.handle(definition, run);
    const outcome = await (await node.client.submit(definition, undefined, { attempts: 1 })).done();
    expect(outcome.state).toBe("failed");
    expect(outcome.state === "failed" ? outcome.error : "").toContain(message);
  }
});

test("a handler that ignores its signal does not keep a node from stopping", async () => {
  const node = await createNode({ coordinator: "embedded", drainTimeoutMs: 50 });
  const started = Promise.withResolvers<void>();
  node.handle(echo, () => (started.resolve(), new Promise(() => {})));
  await node.client.submit(echo, 1);
  await started.promise;
  await node.stop();
  expect(node.state).toBe("stopped");
  await expect(node.client.submit(echo, 1)).rejects.toThrow(StoppedError);
});

test("a second stop with now cuts a drain short", async () => {
  const node = await createNode({ coordinator: "embedded", drainTimeoutMs: 60_000 });
  const started = Promise.withResolvers<void>();
  node.handle(echo, () => (started.resolve(), new Promise(() => {})));
  await node.client.submit(echo, 1);
  await started.promise;
  const stopped = node.stop();
  await node.stop({ now: true });
  await stopped;
  expect(node.state).toBe("stopped");
});

test("nobody to connect to is an error in time, that says what was tried", async () => {
  const options = { namespace: "nobody", join: ["/ip4/127.0.0.1/tcp/1"], timeoutMs: 500 };
  const error = await connectClient(options).catch((each) => each);
  expect(error).toBeInstanceOf(ConnectError);
  expect(error.message).toContain("/ip4/127.0.0.1/tcp/1");
  await expect(connectClient({ join: ["not an address"], timeoutMs: 500 })).rejects.toThrow(TypeError);
  await expect(connectClient({ jion: [] } as never)).rejects.toThrow('did you mean "join"?');
  await expect(createNode({ listen: ["nonsense"] })).rejects.toThrow(TypeError);
});

test("a listener that nobody has added costs no event, one that was removed hears nothing", async () => {
  await using node = await createNode({ coordinator: "embedded" });
  const heard: NodeEventType[] = [];
  const listener = (): void => void heard.push("task:done");
  node.addEventListener("task:done", listener);
  node.removeEventListener("task:done", listener);
  node.handle(echo, (task) => task.input);
  await (await node.client.submit(echo, 1)).done();
  expect(heard).toEqual([]);
});
