/** Claims about what may be typed, and what a wrong option is answered with. */
import { expect, test } from "bun:test";
import { CLIENT_OPTIONS, expectPositionals, parseChoice, parseCount } from "../../../src/cli/options.ts";
import { parseDurationMs, parseLabels, parseOptions } from "../../../src/cli/options.ts";

test("durations have a unit, and zero needs none", () => {
  const texts = ["500ms", "4s", "1.5m", "2h", "7d", "0"];
  expect(texts.map((text) => parseDurationMs("delay", text))).toEqual([
    500,
    4000,
    90_000,
    7_200_000,
    604_800_000,
    0,
  ]);
});

test("a duration that is none is refused with the option and the value", () => {
  for (const text of ["5", "-5s", "s", "4 s", "1e3s", "", "4sec"]) {
    expect(() => parseDurationMs("delay", text)).toThrow(
      `Cannot read --delay: needs a duration such as 500ms, 4s or 10m, got "${text}"`,
    );
  }
});

test("counts are whole and not too small", () => {
  expect(parseCount("expect", "3", 1)).toBe(3);
  for (const text of ["0", "-1", "1.5", "x", "", "9".repeat(20)]) {
    expect(() => parseCount("expect", text, 1)).toThrow("Cannot read --expect");
  }
});

test("labels are cut at the first equals sign, and need a key", () => {
  expect(parseLabels("label", ["zone=a", "note=x=y", "empty="])).toEqual({
    zone: "a",
    note: "x=y",
    empty: "",
  });
  expect(() => parseLabels("label", ["zone"])).toThrow('Cannot read --label: needs key=value, got "zone"');
  expect(() => parseLabels("label", ["=a"])).toThrow("Cannot read --label");
});

test("a choice names what it could have been", () => {
  expect(() => parseChoice("log", "loud", ["error", "info"])).toThrow(
    'Cannot read --log: must be one of error, info, got "loud"',
  );
});

test("an unknown option is refused by name", () => {
  expect(() => parseOptions("tasks", ["--jsn"], CLIENT_OPTIONS)).toThrow(
    `Cannot run "stolos tasks": unknown option --jsn; is it --json? "stolos tasks --help" lists them`,
  );
  expect(() => parseOptions("tasks", ["--frobnicate=1"], CLIENT_OPTIONS)).toThrow(
    `Cannot run "stolos tasks": unknown option --frobnicate; "stolos tasks --help" lists them`,
  );
});

test("an argument that begins with a dash is told how it is written", () => {
  expect(() => parseOptions("task", ["-5"], CLIENT_OPTIONS)).toThrow(
    "options begin with two dashes, got -5; put -- before an argument that begins with one",
  );
  expect(parseOptions("task", ["--", "-5"], CLIENT_OPTIONS).rest).toEqual(["-5"]);
  expect(parseOptions("task", ["-"], CLIENT_OPTIONS).positionals).toEqual(["-"]);
});

test("an option without its value is refused by name", () => {
  expect(() => parseOptions("tasks", ["--join"], CLIENT_OPTIONS)).toThrow("--join");
});

test("what follows -- is left alone, and options before it are read", () => {
  const parsed = parseOptions(
    "submit",
    ["--json", "--join", "a", "--join=b", "--", "ls", "--", "-l"],
    CLIENT_OPTIONS,
  );
  expect(parsed.values).toEqual({
    help: false,
    json: true,
    namespace: undefined,
    join: ["a", "b"],
    timeout: undefined,
    "secret-file": undefined,
    identity: undefined,
  });
  expect(parsed.rest).toEqual(["ls", "--", "-l"]);
  expect(parsed.positionals).toEqual([]);
});

test("positional arguments are counted", () => {
  expect(() => expectPositionals("task", [], ["ID"])).toThrow('Cannot run "stolos task": ID is missing');
  expect(() => expectPositionals("task", ["a", "b"], ["ID"])).toThrow('unexpected argument "b"');
});
