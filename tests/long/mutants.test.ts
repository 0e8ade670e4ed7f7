/**
 * Whether the tests still catch small mistakes that they once caught: five of the list each day, other ones
 * the next. DAY=20000 tries those of another day; `npm run mutants` tries all.
 */
import { afterAll, expect, test } from "bun:test";
import { placeOf, readList, verdictOf } from "../mutants/list.ts";
import { isCaught, Unchanged } from "../mutants/trial.ts";

const COUNT = 5;
const DAY_MS = 86_400_000;
const DAY = Number(process.env["DAY"] ?? Math.floor(Date.now() / DAY_MS));

const unchanged = new Unchanged();
afterAll(() => unchanged.remove());

test("every mutant whose code is still there is caught or equivalent", () => {
  const verdicts = readList().map((mutant) => ({ no: mutant.no, verdict: verdictOf(mutant) }));
  const odd = verdicts.filter(({ verdict }) => verdict === "survives" || verdict === "not tried");
  expect(odd).toEqual([]);
});

test(`mutants of day ${DAY} are caught by what caught them before`, async () => {
  // what never ends takes minutes, and seeds move with the simulator
  const mutants = readList().filter((mutant) =>
    verdictOf(mutant) === "caught" && !mutant.caughtBy!.hangs && mutant.caughtBy!.suite.startsWith("tests/")
  );
  const missed: string[] = [];
  for (let at = 0; at < COUNT; at++) {
    const mutant = mutants[(DAY * COUNT + at) % mutants.length]!;
    if (!await isCaught(mutant, mutant.caughtBy!, unchanged)) missed.push(`${mutant.no}: ${placeOf(mutant)}`);
  }
  expect(missed).toEqual([]);
}, 600_000);
