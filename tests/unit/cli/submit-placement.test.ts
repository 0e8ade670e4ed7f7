/** Claims about how `stolos submit` reads where a task shall run. */
import { expect, test } from "bun:test";
import { parseOptions } from "../../../src/cli/options.ts";
import { PLACEMENT_OPTIONS, placementOf } from "../../../src/cli/submit.ts";

const read = (...args: string[]): unknown =>
  placementOf(parseOptions("submit", args, PLACEMENT_OPTIONS).values);

test("without options nothing is asked for", () => {
  expect(read()).toEqual({});
});

test("every option becomes its namesake of client.submit", () => {
  expect(
    read("--priority=-5", "--requires", "gpu=yes", "--requires", "zone=a", "--node", "n1", "--apart", "db"),
  ).toEqual({ priority: -5, requires: { gpu: "yes", zone: "a" }, node: "n1", apart: "db" });
});

test("a preference has weight 1 unless it says another, which may be negative", () => {
  expect(read("--prefers", "zone=a", "--prefers", "disk=ssd:10", "--prefers", "url=http://x:80:-3")).toEqual({
    prefers: [
      { label: "zone", value: "a", weight: 1 },
      { label: "disk", value: "ssd", weight: 10 },
      { label: "url", value: "http://x:80", weight: -3 },
    ],
  });
});

test("a back-off above the usual maximum raises it", () => {
  expect(read("--backoff", "5s")).toEqual({ retry: { backoffMs: 5000, maxMs: 60_000 } });
  expect(read("--backoff", "2m")).toEqual({ retry: { backoffMs: 120_000, maxMs: 120_000 } });
});

test("what cannot be read is refused with its option and what was seen", () => {
  expect(() => read("--priority", "high")).toThrow(
    'Cannot read --priority: needs a whole number, got "high"',
  );
  expect(() => read("--requires", "gpu")).toThrow('Cannot read --requires: needs key=value, got "gpu"');
  expect(() => read("--prefers", "gpu")).toThrow("Cannot read --prefers");
  expect(() => read("--backoff", "5")).toThrow("Cannot read --backoff");
});
