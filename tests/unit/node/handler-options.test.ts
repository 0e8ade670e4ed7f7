/** What `node.handle` accepts, and what it says of the rest. */
import { expect, test } from "bun:test";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNode, defineTask, type HandlerOptions } from "../../../mod.ts";
import { simulate } from "../../../src/testing/kit.ts";

const nap = defineTask<number, number>({ name: "nap" });
const MODULE = new URL("../../support/thread-handler.ts", import.meta.url);
const thread = { isolation: "thread" };

const refused: readonly (readonly [source: unknown, options: unknown, message: string])[] = [
  [5, undefined, 'Cannot add a handler for "nap": it must be a function, got 5'],
  [MODULE, undefined, 'it must be a function, or isolation "thread" for a module, got'],
  ["handler.ts", {}, 'it must be a function, or isolation "thread" for a module, got "handler.ts"'],
  [() => 1, thread, 'with isolation "thread" it must be a module, as a URL or a path, got a function'],
  ["", thread, 'with isolation "thread" it must be a module, as a URL or a path, got ""'],
  [new URL("none.ts", MODULE), thread, "there is no such module, got"],
  ["no/such/module.ts", thread, "there is no such module, got"],
  [() => 1, null, "options must be an object, got null"],
  [() => 1, { isolated: true }, 'there is no option "isolated"; did you mean "isolation"?'],
  [() => 1, { isolation: "process" }, 'isolation must be "none" or "thread", got "process"'],
  [() => 1, { beatTimeoutMs: "1s" }, 'beatTimeoutMs must be a number, got "1s"'],
  [() => 1, { beatTimeoutMs: 0 }, "beatTimeoutMs must be an integer from 20 to 86400000, got 0"],
  [() => 1, { graceMs: -1 }, "graceMs must be an integer from 0 to 86400000, got -1"],
  [() => 1, { concurrency: 0 }, "concurrency must be an integer from 1 to 1000000, got 0"],
  [() => 1, { concurrency: "2" }, 'concurrency must be a number, got "2"'],
];

test("what cannot be a handler is refused with what is wrong", async () => {
  await using node = await createNode({ coordinator: "embedded", partitions: 1 });
  for (const [source, options, message] of refused) {
    // what a program in JavaScript may do
    const add = (): void => node.handle(nap, source as () => number, options as HandlerOptions);
    expect(add).toThrow(message);
  }
});

test("a module is a URL, a path or a URL as text", async () => {
  await using node = await createNode({ coordinator: "embedded", partitions: 1 });
  for (const [at, module] of [MODULE, MODULE.href, "tests/support/thread-handler.ts"].entries()) {
    const definition = defineTask<unknown, unknown>({ name: `module-${at}` });
    node.handle(definition, module, { isolation: "thread" });
    const handle = await node.client.submit(definition, { how: "echo", value: at });
    expect(await handle.done()).toMatchObject({ state: "completed", result: { value: at } });
  }
});

test("a module that was compiled is found by its source's name, and may be CommonJS", async () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), "stolos-handler-"));
  const file = join(directory.path, "triple.js");
  writeFileSync(join(directory.path, "package.json"), '{"type":"commonjs"}');
  writeFileSync(file, "exports.default = (task) => task.input * 3; exports.__esModule = true;");
  await using node = await createNode({ coordinator: "embedded", partitions: 1 });
  node.handle(nap, file.replace(/js$/, "ts"), { isolation: "thread" });
  const handle = await node.client.submit(nap, 7);
  expect(await handle.done()).toEqual({ state: "completed", result: 21 });
});

test("a simulated cluster refuses threads", async () => {
  await using cluster = simulate({ nodes: 1, options: { partitions: 1 } });
  expect(() => cluster.handle(nap, () => 1, { isolation: "thread" })).toThrow(
    'Cannot add a handler for "nap": isolation "thread" needs real time',
  );
});

test("a stuck handler's task goes to another node, on virtual time too", async () => {
  await using cluster = simulate({ nodes: 3, seed: 3, options: { partitions: 8 } });
  const options: HandlerOptions = { beatTimeoutMs: 5000, graceMs: 1000 };
  cluster.handle(nap, (_task, ctx) => ctx.attempt > 1 ? ctx.attempt : new Promise<number>(() => {}), options);
  const handle = await cluster.submit(nap, 1, { id: "nap", attempts: 3 });
  expect(await cluster.until(handle.done())).toEqual({ state: "completed", result: 2 });
  const [first, second] = cluster.runs("nap");
  expect(second?.node).not.toBe(first?.node);
  expect(first?.abortedMs).toBeGreaterThanOrEqual(5000);
  const info = await cluster.until(cluster.client.get("nap"));
  expect(info?.errors).toMatchObject([{ kind: "error", message: "no beat for 5000 ms", attempt: 1 }]);
});
