/** Listeners of a node that throw. */
import { expect, spyOn, test } from "bun:test";
import { NodeEvents } from "../../../src/node/events.ts";

test("a listener that throws keeps no other from its event, and is an error event", () => {
  const events = new NodeEvents();
  const seen: unknown[] = [];
  events.addEventListener("error", ({ detail: { source, reason } }) => seen.push([source, reason]));
  events.addEventListener("draining", () => {
    throw new RangeError("no");
  });
  events.addEventListener("draining", () => seen.push("draining"));
  events.emit("draining", {});
  expect(seen).toEqual([["listener of draining", "no"], "draining"]);
});

test("a listener that was removed is not called, one that is added twice is called once", () => {
  const events = new NodeEvents();
  let count = 0;
  const listener = (): number => count++;
  events.addEventListener("draining", listener);
  events.addEventListener("draining", listener);
  events.emit("draining", {});
  events.removeEventListener("draining", listener);
  events.emit("draining", {});
  expect(count).toBe(1);
});

test("what a listener of errors throws, or nobody listens to, is written to stderr", () => {
  const written = spyOn(console, "error").mockImplementation(() => {});
  try {
    const events = new NodeEvents();
    events.fail({ source: "onDeadline", task: "t", reason: "first", error: null });
    events.addEventListener("error", () => {
      throw new Error("third");
    });
    events.fail({ source: "onDeadline", reason: "second", error: null });
    expect(written.mock.calls).toEqual([
      ['stolos: error: onDeadline of task "t" threw: first'],
      ["stolos: error: listener of error threw: third"],
    ]);
  } finally {
    written.mockRestore();
  }
});
