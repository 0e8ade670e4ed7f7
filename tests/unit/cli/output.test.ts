/** Claims about what is printed: JSON to the contract, tables, and nothing that a terminal would obey. */
import { expect, test } from "bun:test";
import { fields, humanDuration, jsonLine, printable, table } from "../../../src/cli/output.ts";
import { eventText, peerEvent } from "../../../src/cli/peer-output.ts";

test("JSON has fences as decimal strings, times as ISO 8601, bytes as base64 and leaves nothing out", () => {
  const value = { fence: 17n, at: new Date(0), bytes: new Uint8Array([1, 2, 255]), result: undefined };
  expect(jsonLine(value)).toBe(
    '{"fence":"17","at":"1970-01-01T00:00:00.000Z","bytes":"AQL/","result":null}',
  );
});

test("a JSON line is one line whatever is in it", () => {
  expect(jsonLine({ id: "a\nb\u001b[31m" })).toBe('{"id":"a\\nb\\u001b[31m"}');
});

test("columns are aligned", () => {
  expect(table(["ID", "STATE"], [["nightly", "leased"], ["b", "-"]])).toEqual([
    "ID       STATE",
    "nightly  leased",
    "b        -",
  ]);
});

test("a long cell makes its own row long, not the table, and is not cut off", () => {
  const id = "x".repeat(256);
  expect(table(["ID", "STATE"], [[id, "leased"], ["b", "-"]])).toEqual([
    "ID  STATE",
    `${id}  leased`,
    "b   -",
  ]);
});

test("values are aligned after their names", () => {
  expect(fields([["id", "a"], ["state", "b"]])).toEqual(["id:    a", "state: b"]);
});

test("control characters of strangers never reach a terminal", () => {
  expect(printable("a\u001b[2Jb\u202ec\u009b")).toBe("a\\u001b[2Jb\\u202ec\\u009b");
});

test("durations read as people write them", () => {
  expect([0, 850, 3210, 59_940, 59_980, 250_000, 7_500_000].map(humanDuration)).toEqual([
    "0ms",
    "850ms",
    "3.2s",
    "59.9s",
    "1m0s",
    "4m10s",
    "2h5m",
  ]);
});

test("an event's first key is its name, absent keys are left out, errors are their messages", () => {
  const event = peerEvent("task:error", {
    task: "t",
    fence: 3n,
    attempt: 1,
    reason: new Error("no"),
    more: undefined,
  });
  expect(jsonLine(event)).toBe('{"event":"task:error","task":"t","fence":"3","attempt":1,"reason":"no"}');
});

test("an event for people starts with the time of day and keeps the task's id bare", () => {
  const event = peerEvent("task:start", { task: "t", fence: 3n, leaseMs: 4000 });
  expect(eventText(event, new Date(0))).toBe("00:00:00.000 task:start      t  fence 3  lease 4s");
});
