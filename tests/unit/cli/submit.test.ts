/** Claims about what `stolos submit` makes of its arguments. */
import { expect, test } from "bun:test";
import { whatToRun } from "../../../src/cli/submit.ts";

const none = { task: undefined, input: undefined };

test("a command line is an input of exec, argument by argument", () => {
  expect(whatToRun(none, ["ls", "-l", "a b"])).toEqual({
    task: "exec",
    input: { argv: ["ls", "-l", "a b"] },
  });
});

test("JSON is the input of the task named, or of exec", () => {
  expect(whatToRun({ task: "poll", input: '{"url":"x"}' }, undefined)).toEqual({
    task: "poll",
    input: { url: "x" },
  });
  expect(whatToRun({ task: undefined, input: '{"argv":["ls"]}' }, undefined).task).toBe("exec");
  expect(whatToRun({ task: "poll", input: "653247040368672768" }, undefined).input).toBe(653247040368672768n);
  expect(whatToRun({ task: "poll", input: "null" }, [])).toEqual({ task: "poll", input: null });
});

test("both, or neither, or a command line for another task is refused", () => {
  expect(() => whatToRun({ task: undefined, input: "1" }, ["ls"])).toThrow("got both");
  expect(() => whatToRun(none, undefined)).toThrow("got neither");
  expect(() => whatToRun({ task: "poll", input: undefined }, ["ls"])).toThrow(
    "--task poll takes --input JSON",
  );
});

test("input that is no JSON is refused with what was seen", () => {
  expect(() => whatToRun({ task: undefined, input: "{x" }, undefined)).toThrow(
    /^Cannot read --input: .*got "{x"$/,
  );
});
