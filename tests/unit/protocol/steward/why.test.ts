/** Claims about the sentence that says why a task does not run. */
import { expect, test } from "bun:test";
import { isoTime } from "../../../../src/protocol/steward/why.ts";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import type { Placement, TaskError, TaskRecord } from "../../../../src/protocol/model/types.ts";
import { type Obstacle, type Prospect, whyOf, whyPending } from "../../../../src/protocol/steward/why.ts";
import { PLAIN_OPTIONS, taskRecord, taskSpec } from "../../../support/tasks.ts";

const NOW_MS = Date.parse("2030-01-02T03:04:05.678Z");
const NOW = { nowMs: NOW_MS, trouble: "" };

function record(more: Partial<TaskRecord> = {}, placement: Partial<Placement> | null = null): TaskRecord {
  const full = { requires: [], prefers: [], node: "", apart: "", ...placement };
  const options = placement && { ...PLAIN_OPTIONS, placement: full };
  const spec = taskSpec("t", { name: "work", options });
  return taskRecord(spec, { fence: 7, attempt: 2, ...more });
}

function prospect(
  name: string,
  obstacle: Obstacle | null = "full",
  labels: Record<string, string> = {},
): Prospect {
  const member = { no: 1, id: `id-${name}`, name, labels, witness: false, leaving: false };
  return { member, obstacle, declinedUntilMs: 0, declinedWhy: "" };
}

const requires = (...pairs: [string, string][]): Partial<Placement> => ({
  requires: pairs.map(([key, value]) => ({ key, value })),
});

test("without a node for it, it says what is missing", () => {
  const why = (...members: Prospect[]): string => whyPending(record(), members);
  expect(why(prospect("a", "handler"))).toBe('no connected node has a handler named "work"');
  expect(why(prospect("a", "draining"))).toBe(
    'all 1 nodes with a handler named "work" are draining',
  );
  expect(why(prospect("a", "draining"), prospect("b", "frozen"))).toBe(
    'all 1 nodes with a handler named "work" are frozen: unfreeze one',
  );
  expect(why(prospect("a", "unattached"))).toContain("have not attached");
  expect(why(prospect("a"), prospect("b", "frozen"))).toBe(
    'waits for capacity: all 1 nodes with a handler named "work" are full, 1 more are frozen',
  );
  expect(why(prospect("a"), prospect("b"))).toBe(
    'waits for capacity: all 2 nodes with a handler named "work" are full',
  );
});

test("it names the label that no node has, or all when no node has all", () => {
  const a = prospect("a", "placement", { gpu: "yes" });
  const b = prospect("b", "placement", { zone: "z" });
  expect(whyPending(record({}, requires(["gpu", "yes"], ["disk", "ssd"])), [a, b])).toBe(
    'no connected node with a handler named "work" has the label disk=ssd',
  );
  expect(whyPending(record({}, requires(["gpu", "yes"], ["zone", "z"])), [a, b])).toBe(
    'no connected node with a handler named "work" has all labels that it requires: gpu=yes, zone=z',
  );
  expect(whyPending(record({}, requires(["gpu", "yes"])), [{ ...a, obstacle: "full" }, b])).toBe(
    'waits for capacity: all 1 nodes with a handler named "work" and the labels it requires are full',
  );
});

test("a task of one node says what is the matter with that node", () => {
  const task = record({}, { node: "a" });
  const cases: readonly [readonly Prospect[], string][] = [
    [[prospect("b")], "is not a member"],
    [[prospect("a", "down")], "is down"],
    [[prospect("a", "draining")], "is draining"],
    [[prospect("a", "handler")], 'has no handler named "work"'],
    [[prospect("a", "unattached")], "has not attached to this partition's steward yet"],
    [
      [{ ...prospect("a"), member: { ...prospect("a").member, witness: true } }],
      "is a witness: it runs no tasks",
    ],
  ];
  for (const [members, what] of cases) {
    expect(whyPending(task, members)).toBe(`node "a", the only one that may run it, ${what}`);
  }
  expect(whyPending(task, [prospect("a")])).toContain("waits for capacity");
  expect(whyPending(record({}, { node: "id-a" }), [prospect("a", "down")])).toContain("is down");
});

test("when all declined it says until when, or which key is in use", () => {
  const declined = (declinedUntilMs: number): Prospect => ({
    ...prospect("a", "declined"),
    declinedUntilMs,
    declinedWhy: "",
  });
  const all = 'all 2 nodes with a handler named "work"';
  expect(whyPending(record(), [declined(NOW_MS + 9000), declined(NOW_MS)])).toBe(
    `${all} declined it, the first until 2030-01-02T03:04:05.678Z`,
  );
  expect(whyPending(record(), [declined(0), declined(NOW_MS)])).toBe(
    `${all} declined it until something changes`,
  );
  expect(whyPending(record({}, { apart: "k" }), [declined(0), declined(0)])).toBe(
    `waits to be apart: ${all} are running a task with the key "k", or declined it`,
  );
  expect(whyPending(record({}, { apart: "k" }), [declined(NOW_MS), declined(NOW_MS)])).toBe(
    `${all} declined it, the first until 2030-01-02T03:04:05.678Z`,
  );
  expect(whyPending(record(), [declined(0), prospect("b")])).toBe(
    `waits for capacity: of ${all} 1 declined it and the others are full`,
  );
});

test("members that are not heard are named, alone and beside others", () => {
  const all = 'all 2 nodes with a handler named "work"';
  expect(whyPending(record(), [prospect("a", "silent"), prospect("b", "silent")])).toBe(
    `${all} have not been heard for a while`,
  );
  expect(whyPending(record(), [prospect("a", "silent"), prospect("b")])).toBe(
    `waits for capacity: ${all} are full or silent`,
  );
  expect(whyPending(record(), [prospect("a", "silent"), prospect("b", "declined")])).toBe(
    `waits for capacity: of ${all} 1 declined it and the others are full or silent`,
  );
  expect(whyPending(record({}, { node: "a" }), [prospect("a", "silent")])).toContain("has not been heard");
  expect(whyPending(record(), [prospect("a", null), prospect("b")])).toContain("is about to be handed");
});

test("a sleeper says until when, and after which error", () => {
  const none = (): string => "must not be asked";
  const wakeAtMs = NOW_MS + 2500;
  expect(whyOf(record({ state: "sleeping", wakeAtMs }), NOW, none)).toBe(
    "sleeps until 2030-01-02T03:04:08.178Z",
  );
  const error: TaskError = { atMs: 1, attempt: 2, fence: 7, node: 1, kind: "error", message: "out of luck" };
  expect(whyOf(record({ state: "sleeping", wakeAtMs, errors: [error] }), NOW, none)).toBe(
    "tried again in 3 s, at 2030-01-02T03:04:08.178Z, after an error in attempt 2: out of luck",
  );
  const older = { ...error, fence: 6 };
  expect(whyOf(record({ state: "sleeping", wakeAtMs, errors: [older] }), NOW, none)).toContain(
    "sleeps until",
  );
});

test("what is paused says by what, what waits says what it waits for, the rest says nothing", () => {
  const waits = (): string => "waits";
  const error: TaskError = { atMs: 1, attempt: 2, fence: 7, node: 1, kind: "error", message: "bad" };
  expect(whyOf(record({ state: "paused" }), NOW, waits)).toBe("paused, until a command resumes it");
  expect(whyOf(record({ state: "paused", errors: [error] }), NOW, waits)).toBe(
    "paused after an error: bad",
  );
  expect(whyOf(record(), NOW, waits)).toBe("waits");
  expect(whyOf(record({ state: "sleeping", wakeAtMs: NOW_MS }), NOW, waits)).toBe("waits");
  expect(whyOf(record({ state: "leased" }), NOW, waits)).toBe("");
  expect(whyOf(record({ state: "completed" }), NOW, waits)).toBe("");
  const commands = { queued: [{ no: 9, message: { type: "pause" as const } }], known: [] };
  expect(whyOf(record({ state: "leased", commands }), NOW, waits)).toContain(
    "are not carried out yet: pause",
  );
});

test("no sentence is longer than its limit", () => {
  const value = "x".repeat(256);
  const many = Array.from({ length: 64 }, (_, i): [string, string] => [`${i}${value}`.slice(0, 256), value]);
  const members = many.map(([key]) => prospect(key, "placement", { [key]: value }));
  const why = whyPending(record({}, requires(...many)), members);
  expect(new TextEncoder().encode(why).length).toBeLessThanOrEqual(LIMITS.whyBytesMax);
});

test("times are written as everybody writes them", () => {
  for (const text of ["1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z", "2100-03-01T00:00:00.001Z"]) {
    expect(isoTime(Date.parse(text))).toBe(text);
  }
  for (let ms = -86_400_000; ms < 9e12; ms += 86_400_000 * 97 + 12_345_678) {
    expect(isoTime(ms)).toBe(new Date(ms).toISOString());
  }
});
