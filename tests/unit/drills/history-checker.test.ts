/** The nemesis' checker: what it must flag, what it must pass. */
import { expect, test } from "bun:test";
import { checkHistory, type Rule } from "../../support/history-checker.ts";
import type {
  Answer,
  Call,
  Command,
  ExecutionLine,
  History,
  Operation,
  Result,
  Seen,
} from "../../support/history.ts";

const ID = "t";
const OK: Answer = { type: "submitted", created: true };
const KNOWN: Answer = { type: "submitted", created: false };
const LOST_ANSWER: Answer = { type: "unanswered", code: "UNKNOWN_OUTCOME" };
const refused = (code: string): Answer => ({ type: "refused", code });
const APPLIED: Answer = { type: "commanded", effect: "applied" };
const QUEUED: Answer = { type: "commanded", effect: "queued" };

const op = (startMs: number, endMs: number, call: Call, answer: Answer): Operation => ({
  ...{ startMs, endMs, call, answer },
});
const submit = (startMs: number, endMs: number, answer: Answer = OK, input = "a"): Operation =>
  op(startMs, endMs, { type: "submit", id: ID, input }, answer);
const command = (startMs: number, endMs: number, name: Command, answer: Answer): Operation =>
  op(startMs, endMs, { type: "command", id: ID, command: name }, answer);
const seen = (state: string, fence = 0, result: Result | null = null): Seen => ({
  ...{ id: ID, state, fence, attempt: fence === 0 ? 0 : 1, result },
});
const get = (startMs: number, endMs: number, task: Seen | null): Operation =>
  op(startMs, endMs, { type: "get", id: ID }, { type: "task", task });
const list = (startMs: number, endMs: number, tasks: Seen[], state: string | null = null): Operation =>
  op(startMs, endMs, { type: "list", state }, { type: "tasks", tasks });
const done = (startMs: number, endMs: number, state: string, result: Result | null): Operation =>
  op(startMs, endMs, { type: "done", id: ID }, { type: "ended", state, result });
const line = (
  kind: ExecutionLine["kind"],
  fence: number,
  atMs: number,
  more: { readonly attempt?: number; readonly input?: string } = {},
): ExecutionLine => ({ ...{ id: ID, kind, fence, attempt: 1, atMs, input: "a" }, ...more });

const RESULT: Result = { input: "a", fence: 5 };
const DONE = seen("completed", 5, RESULT);
/** Submitted, run under fence 5 from 20 to 40. */
const RUN = [line("start", 5, 20), line("beat", 5, 30), line("end", 5, 40)];

function rulesOf(
  operations: readonly Operation[],
  lines: readonly ExecutionLine[] = [],
  fences: readonly number[] = [],
  heardMs = 100,
): Rule[] {
  const history: History = {
    operations,
    lines,
    completions: fences.map((fence) => ({ id: ID, fence, atMs: heardMs })),
  };
  return [...new Set(checkHistory(history).map(({ rule }) => rule))].sort();
}

interface Case {
  readonly claim: string;
  readonly operations: readonly Operation[];
  readonly lines?: readonly ExecutionLine[];
  readonly fences?: readonly number[];
}

const GOOD: readonly Case[] = [
  {
    claim: "a task from its submit to its end, seen at each moment",
    operations: [
      get(0, 1, null),
      submit(2, 10),
      get(11, 12, seen("pending")),
      get(22, 28, seen("leased", 5)),
      get(35, 60, DONE),
      done(11, 61, "completed", RESULT),
      list(70, 80, [{ ...seen("completed", 5), result: undefined }]),
      list(70, 80, [], "paused"),
      command(81, 82, "pause", refused("WRONG_STATE")),
      submit(83, 84, KNOWN),
      submit(83, 84, refused("CONFLICT"), "b"),
    ],
    lines: RUN,
    fences: [5],
  },
  {
    claim: "a submit without an answer that took effect later",
    operations: [submit(0, 5, LOST_ANSWER), get(6, 7, null), get(18, 20, seen("pending"))],
  },
  {
    claim: "a submit without an answer that never took effect",
    operations: [submit(0, 5, LOST_ANSWER), get(6, 7, null)],
  },
  {
    claim: "a read beside a submit, whichever of them was first",
    operations: [submit(0, 10), get(5, 8, null), get(5, 8, seen("pending"))],
  },
  {
    claim: "a conflict beside the submit of another input",
    operations: [submit(0, 10, LOST_ANSWER, "b"), submit(3, 6, refused("CONFLICT"))],
  },
  {
    claim: "a second run after the first had lost its lease",
    operations: [submit(0, 10), get(70, 80, seen("completed", 9, { input: "a", fence: 9 }))],
    lines: [
      line("start", 5, 20),
      line("beat", 5, 30),
      line("start", 9, 50, { attempt: 2 }),
      line("end", 9, 60),
    ],
    fences: [9],
  },
  {
    claim: "probation after two deaths",
    operations: [submit(0, 1), get(90, 91, seen("sleeping", 8))],
    lines: [line("start", 7, 10), line("start", 8, 20, { attempt: 2 })],
  },
  {
    claim: "a pause that was resumed",
    operations: [
      submit(0, 5),
      command(6, 7, "pause", APPLIED),
      get(8, 9, seen("paused")),
      command(10, 15, "run", APPLIED),
    ],
    lines: [line("start", 5, 12)],
  },
  {
    claim: "a pause beside a resume without an answer",
    operations: [submit(0, 1), command(2, 3, "run", LOST_ANSWER), command(6, 7, "pause", APPLIED)],
    lines: [line("start", 5, 20)],
  },
  {
    claim: "a queued pause whose run was under way to its handler",
    operations: [submit(0, 1), command(6, 7, "pause", QUEUED), get(30, 31, seen("paused", 5))],
    lines: [line("start", 5, 20)],
  },
  {
    claim: "a kill beside a completion that was first",
    operations: [submit(0, 1), command(25, 30, "kill", QUEUED), get(50, 51, DONE)],
    lines: RUN,
  },
  {
    claim: "a run that ended, and whose end was not recorded",
    operations: [submit(0, 1), get(60, 61, seen("pending", 5))],
    lines: RUN,
  },
];
test.each(GOOD)("passes: $claim", ({ operations, lines, fences }) => {
  expect(rulesOf(operations, lines, fences)).toEqual([]);
});

const BAD: readonly (Case & { readonly rules: Rule[] })[] = [
  {
    claim: "an acknowledged task that is unknown",
    operations: [submit(0, 5), get(6, 7, null)],
    rules: ["lost"],
  },
  {
    claim: "an acknowledged task that a whole list is without",
    operations: [submit(0, 5), list(6, 7, [])],
    rules: ["lost"],
  },
  {
    claim: "a seen task that a command does not find",
    operations: [
      submit(0, 5, LOST_ANSWER),
      get(6, 7, seen("pending")),
      command(8, 9, "run", refused("NOT_FOUND")),
    ],
    rules: ["lost"],
  },
  {
    claim: "a task that was refused, and is there",
    operations: [submit(0, 5, refused("NO_QUORUM")), get(6, 7, seen("pending"))],
    rules: ["invented"],
  },
  {
    claim: "a task before its submit",
    operations: [get(0, 1, seen("pending")), submit(2, 3)],
    rules: ["invented"],
  },
  {
    claim: "the only submit told that it was known",
    operations: [submit(0, 1, KNOWN)],
    rules: ["invented"],
  },
  {
    claim: "two submits that created it",
    operations: [submit(0, 1), submit(2, 3)],
    rules: ["created twice"],
  },
  {
    claim: "another input acknowledged",
    operations: [submit(0, 1), submit(2, 3, KNOWN, "b")],
    rules: ["input"],
  },
  {
    claim: "a conflict for the task's own input",
    operations: [submit(0, 1), submit(0, 5, LOST_ANSWER, "b"), submit(2, 3, refused("CONFLICT"))],
    rules: ["input"],
  },
  {
    claim: "a conflict with nobody",
    operations: [submit(0, 1, refused("CONFLICT"))],
    rules: ["input", "invented"],
  },
  {
    claim: "a run with the input that was refused",
    operations: [submit(0, 1, LOST_ANSWER), submit(2, 3, refused("CONFLICT"), "b")],
    lines: [line("start", 5, 20, { input: "b" })],
    rules: ["input"],
  },
  {
    claim: "a completed task that is pending again",
    operations: [submit(0, 1), get(50, 51, DONE), get(52, 53, seen("pending", 5))],
    lines: RUN,
    rules: ["stale"],
  },
  {
    claim: "a task refused as ended that is leased again",
    operations: [submit(0, 1), command(2, 3, "run", refused("WRONG_STATE")), get(4, 5, seen("leased", 5))],
    rules: ["stale"],
  },
  {
    claim: "two ends of one task",
    operations: [
      submit(0, 1),
      command(2, 60, "kill", LOST_ANSWER),
      get(50, 51, DONE),
      get(52, 53, seen("killed", 5)),
    ],
    lines: RUN,
    rules: ["end changed"],
  },
  {
    claim: "another result",
    operations: [
      submit(0, 1),
      done(1, 60, "completed", RESULT),
      done(1, 61, "completed", { input: "a", fence: 4 }),
    ],
    lines: [line("start", 4, 10), line("end", 4, 15), ...RUN.map((each) => ({ ...each, attempt: 2 }))],
    rules: ["end changed"],
  },
  {
    claim: "a start after its end",
    operations: [submit(0, 1), get(50, 51, DONE)],
    lines: [...RUN, line("start", 9, 70, { attempt: 2 })],
    rules: ["ran after its end"],
  },
  {
    claim: "a start under a fence beyond that of the end, whenever that was told",
    operations: [submit(0, 1), get(80, 81, DONE)],
    lines: [...RUN, line("start", 9, 70, { attempt: 2 })],
    rules: ["ran after its end", "stale"],
  },
  { claim: "a pause by nobody", operations: [submit(0, 1), get(2, 3, seen("paused"))], rules: ["state"] },
  {
    claim: "a kill that was refused, and happened",
    operations: [submit(0, 1), command(2, 3, "kill", refused("BUSY")), get(4, 5, seen("killed"))],
    rules: ["state"],
  },
  {
    claim: "probation after one death",
    operations: [submit(0, 1), get(90, 91, seen("sleeping", 7))],
    lines: [line("start", 7, 10)],
    rules: ["state"],
  },
  {
    claim: "a failure of what never fails",
    operations: [submit(0, 1), get(2, 3, seen("failed", 5))],
    rules: ["state"],
  },
  { claim: "a completion without a run", operations: [submit(0, 1), get(2, 3, DONE)], rules: ["result"] },
  {
    claim: "a completion told before the run had ended",
    operations: [submit(0, 1), get(21, 29, DONE)],
    lines: [line("start", 5, 20), line("end", 5, 40)],
    rules: ["result", "stale"],
  },
  {
    claim: "a completion without its result",
    operations: [submit(0, 1), get(50, 51, seen("completed", 5))],
    lines: RUN,
    rules: ["result"],
  },
  {
    claim: "a completion with the result of another run",
    operations: [submit(0, 1), get(50, 51, seen("completed", 5, { input: "a", fence: 4 }))],
    lines: RUN,
    rules: ["result"],
  },
  {
    claim: "two recorded completions",
    operations: [submit(0, 1)],
    lines: RUN,
    fences: [5, 9],
    rules: ["end changed", "recorded twice", "result"],
  },
  {
    claim: "a peer's completion that is not the task's",
    operations: [submit(0, 1), get(50, 51, DONE)],
    lines: RUN,
    fences: [4],
    rules: ["end changed", "recorded twice", "result", "stale"],
  },
  {
    claim: "a fence given twice",
    operations: [submit(0, 1)],
    lines: [line("start", 5, 20), line("start", 5, 30, { attempt: 2 })],
    rules: ["fence"],
  },
  {
    claim: "an attempt that does not count up",
    operations: [submit(0, 1)],
    lines: [line("start", 5, 20), line("start", 6, 30)],
    rules: ["attempt"],
  },
  {
    claim: "a run that goes on beside the next",
    operations: [submit(0, 1)],
    lines: [line("start", 5, 20), line("start", 9, 30, { attempt: 2 }), line("beat", 5, 31)],
    rules: ["overlap", "stale"],
  },
  {
    claim: "a run that goes on after its end",
    operations: [submit(0, 1)],
    lines: [...RUN, line("beat", 5, 41)],
    rules: ["overlap"],
  },
  {
    claim: "an older fence told after a newer",
    operations: [submit(0, 1), get(2, 3, seen("leased", 9)), get(4, 5, seen("pending", 5))],
    rules: ["stale"],
  },
  {
    claim: "pending while it runs",
    operations: [submit(0, 1), get(22, 28, seen("pending", 5))],
    lines: RUN,
    rules: ["stale"],
  },
  {
    claim: "a command applied as if nobody ran it",
    operations: [submit(0, 1), command(22, 28, "release", APPLIED)],
    lines: RUN,
    rules: ["command"],
  },
  {
    claim: "a start of what is paused",
    operations: [submit(0, 1), command(2, 3, "pause", APPLIED)],
    lines: [line("start", 5, 20)],
    rules: ["command"],
  },
  {
    claim: "two starts of what is to be paused",
    operations: [submit(0, 1), command(2, 3, "pause", QUEUED)],
    lines: [line("start", 5, 20), line("start", 9, 30, { attempt: 2 })],
    rules: ["command"],
  },
  {
    claim: "pending although it was paused",
    operations: [submit(0, 1), command(2, 3, "pause", APPLIED), get(4, 5, seen("pending"))],
    rules: ["command"],
  },
  {
    claim: "paused although it was killed",
    operations: [
      submit(0, 1),
      command(2, 3, "pause", APPLIED),
      command(4, 5, "kill", APPLIED),
      get(6, 7, seen("paused")),
    ],
    rules: ["command"],
  },
  {
    claim: "a task twice in a list",
    operations: [submit(0, 1), list(2, 3, [seen("pending"), seen("pending")])],
    rules: ["list"],
  },
  {
    claim: "an ended task that the list of its state is without",
    operations: [submit(0, 1), get(50, 51, DONE), list(60, 61, [], "completed")],
    lines: RUN,
    rules: ["list"],
  },
  {
    claim: "a task in the list of another state",
    operations: [submit(0, 1), list(2, 3, [seen("pending")], "leased")],
    rules: ["list"],
  },
];
test.each(BAD)("flags: $claim", ({ operations, lines, fences, rules }) => {
  expect(rulesOf(operations, lines, fences)).toEqual(rules);
});

test("flags: pending after a peer had said that it is recorded as completed", () => {
  const operations = [submit(0, 1), get(46, 47, seen("pending", 5))];
  expect(rulesOf(operations, RUN, [5], 45)).toEqual(["stale"]);
  expect(rulesOf(operations, RUN, [5], 48)).toEqual([]);
});
