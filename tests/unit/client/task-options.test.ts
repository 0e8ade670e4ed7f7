/** What a submit may say of the end of its task. */
import { expect, test } from "bun:test";
import { specOf } from "../../../src/client/submission.ts";
import { areTaskOptions, taskOptionsOf } from "../../../src/client/task-options.ts";
import { defineTask } from "../../../src/task/definition.ts";

const work = defineTask({ name: "work" });

test("what is said by default is not said", () => {
  expect(taskOptionsOf({})).toBeNull();
  expect(taskOptionsOf({ lapsesMax: 5 })).toBeNull();
  expect(taskOptionsOf({ expiresMs: 1 })).toMatchObject({ expiresMs: 1, lapsesMax: 5 });
  expect(taskOptionsOf({ lapsesMax: 1 })).toMatchObject({ expiresMs: 0, lapsesMax: 1 });
});

test("a time that nobody can mean is refused, and the option is named", () => {
  for (const expiresMs of [0, -1, NaN, Infinity, 1e300]) {
    expect(() => taskOptionsOf({ expiresMs })).toThrow(RangeError);
    expect(() => taskOptionsOf({ expiresMs })).toThrow(`expiresMs must be from 1 to`);
  }
  expect(() => taskOptionsOf({ expiresMs: "10m" as unknown as number })).toThrow(TypeError);
  for (const lapsesMax of [0, -1, 1.5, 1001]) expect(() => taskOptionsOf({ lapsesMax })).toThrow("lapsesMax");
});

test("a task that would expire before it may start is refused, and told why", () => {
  const submit = (expiresMs: number): unknown => specOf(work, { input: 1, expiresMs, delayMs: 5000 }, {});
  expect(() => submit(5000)).toThrow(RangeError);
  expect(() => submit(5000)).toThrow("expiresMs must end after delayMs, which is 5000");
  expect(() => submit(0)).toThrow("expiresMs must be from 1 to");
  expect(submit(5001)).toMatchObject({ delayMs: 5000, options: { expiresMs: 5001 } });
  expect(() => specOf(work, { input: 1, delayMs: 5000 }, { expiresMs: 10 })).toThrow("delayMs");
});

test("strangers' options are looked at as well", () => {
  const good = taskOptionsOf({ expiresMs: 10 })!;
  expect(areTaskOptions(good)).toBe(true);
  for (const bad of [{ expiresMs: -1 }, { expiresMs: NaN }, { lapsesMax: 0 }, { lapsesMax: "5" }]) {
    expect(areTaskOptions({ ...good, ...bad })).toBe(false);
  }
});
