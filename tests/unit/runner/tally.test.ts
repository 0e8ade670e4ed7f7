/** How the runner of all tests counts, a stopped suite among them. Which suites there are is in run.ts. */
import { expect, test } from "bun:test";
import { SuiteRun } from "../../support/suite.ts";
import { findingsOf, lineOf, LineTally } from "../../support/tally.ts";

function tallyOf(...texts: readonly string[]): LineTally {
  const tally = new LineTally();
  for (const text of texts) tally.take(text);
  return tally;
}

const WHOLE = `bun test v1

tests/unit/a.test.ts:
(pass) one [1.50ms]
(fail) two [2.00s]
(skip) three
(todo) four

1 tests skipped:
(skip) three

1 tests failed:
(fail) two [2.00s]

 1 pass
 1 skip
 1 todo
 1 fail
`;

test("each test counts once, though those that failed are named twice", () => {
  expect(tallyOf(WHOLE).ended(1)).toMatchObject({ passed: 1, failed: 1, skipped: 2 });
});

test("what each took is kept, with its file", () => {
  const { slow } = tallyOf(WHOLE).ended(1);
  expect(slow.slice(0, 2)).toEqual([
    { ms: 1.5, name: "tests/unit/a.test.ts: one" },
    { ms: 2000, name: "tests/unit/a.test.ts: two" },
  ]);
});

test("a suite that was stopped in the middle keeps what had passed, and has one failure", () => {
  expect(tallyOf("tests/a.test.ts:\n(pass) one [1.00ms]\n(pa", "ss) two [1.00ms]\n").ended(137))
    .toMatchObject({ passed: 2, failed: 1 });
});

test("a check that names no tests counts as one", () => {
  expect(tallyOf("all is well\n").ended(0)).toMatchObject({ passed: 1, failed: 0 });
  expect(tallyOf("src/a.ts: wrong\n").ended(1)).toMatchObject({ passed: 0, failed: 1 });
});

test("what failed is repeated with what was printed before it, else the last lines", () => {
  expect(findingsOf("(pass) one\nerror: no\n(fail) two\n(pass) three")).toBe("error: no\n(fail) two");
  expect(findingsOf("src/a.ts: wrong")).toBe("src/a.ts: wrong");
});

test("the last line of a run is found again, or that there is none", () => {
  expect(lineOf("3 passed, 1 failed\nmore\n12 passed, 0 failed\n")).toEqual({ passed: 12, failed: 0 });
  expect(lineOf("12 passed, 0 failed?")).toBeNull();
});

test("a suite is run, shown and counted, and what it leaves behind ends with it", async () => {
  const script = `console.log("(pass) one [1.00ms]"); console.log(process.env.NO_COLOR);
    require("node:child_process").spawn("sleep", ["600"], { stdio: "inherit" }).unref()`;
  let shown = "";
  const run = new SuiteRun({ name: "script", command: ["node", "-e", script] });
  const ended = await run.run((text) => shown += text);
  expect(ended).toMatchObject({ passed: 1, failed: 0 });
  expect(shown).toBe("(pass) one [1.00ms]\n1\n");
  expect(run.passed).toBe(1);
});
