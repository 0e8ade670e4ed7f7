/**
 * Whether the tests see small mistakes that nobody chose (draw.ts). docs/testing.md says what the list shows.
 *
 *   node tests/mutants/main.ts [--only 3,17] [--jobs 2]  each of list.json, against what caught it
 *   node tests/mutants/main.ts --draw 50 --seed 1        adds what it draws to the list, then as --search
 *   node tests/mutants/main.ts --search [--only 3,17]    what catches those that nothing has caught; named
 *                                                        ones are looked at anew
 *   node tests/mutants/main.ts --table                   only shows the list
 *
 * A search writes the list after each mutant: stopped and started again, it goes on there. Exits 1 when one
 * is caught no more, survives without a reason in the list (`equivalent` says why nothing can see it), or is
 * gone, because its code has changed.
 */
import { hasFlag, optionOf } from "../sim/options.ts";
import { draw } from "./draw.ts";
import { changeText, type Mutant, placeOf, readList, replaceInList, verdictOf, writeList } from "./list.ts";
import { suitesFor } from "./suites.ts";
import { type Catcher, catcherOf, isCaught, Unchanged } from "./trial.ts";

function show(mutant: Mutant): void {
  const { no, caughtBy, equivalent } = mutant;
  const verdict = verdictOf(mutant);
  const place = verdict === "gone" ? mutant.file : placeOf(mutant);
  const how = caughtBy ? textOf(caughtBy) : equivalent ?? "";
  console.log(`${String(no).padStart(3)} ${place}: ${mutant.name ?? changeText(mutant)}`);
  console.log(`    ${verdict}${how === "" ? "" : `: ${how}`}`);
}

function textOf({ suite, test, hangs }: Catcher): string {
  return `${suite}${test === "" ? "" : ` "${test}"`}${hangs ? " hangs" : ""}`;
}

/** Adds what is drawn and not yet there. */
async function addDrawn(): Promise<void> {
  const mutants = [...readList()];
  const changes = await draw(Number(optionOf("draw", "50")), Number(optionOf("seed", "1")));
  const isKnown = (file: string, find: string, replace: string): boolean =>
    mutants.some((known) => known.file === file && known.find === find && known.replace === replace);
  for (const change of changes) {
    if (isKnown(change.file, change.find, change.replace)) continue;
    mutants.push({ no: mutants.length + 1, ...change });
  }
  writeList(mutants);
}

/** @return what stands in the list afterwards */
async function search(mutant: Mutant, unchanged: Unchanged): Promise<Mutant> {
  const verdict = verdictOf(mutant);
  // those that are named are looked at again: seeds that catch one move with the simulator
  const isDue = verdict === "survives" || verdict === "not tried" ||
    (verdict === "caught" && hasFlag("only"));
  if (!isDue) return mutant;
  const caughtBy = await catcherOf(mutant, suitesFor(mutant.area, mutant.file), unchanged);
  const found = { ...mutant, caughtBy };
  replaceInList(found);
  return found;
}

async function tryAgain(mutant: Mutant, unchanged: Unchanged): Promise<Mutant> {
  if (verdictOf(mutant) !== "caught") return mutant;
  return await isCaught(mutant, mutant.caughtBy!, unchanged) ? mutant : { ...mutant, caughtBy: null };
}

function due(): Mutant[] {
  const only = optionOf("only", "").split(",").filter((no) => no !== "");
  return readList().filter(({ no }) => only.length === 0 || only.includes(String(no)));
}

async function inLanes(use: (mutant: Mutant, unchanged: Unchanged) => Promise<Mutant>): Promise<Mutant[]> {
  const waiting = due();
  const tried: Mutant[] = [];
  const unchanged = new Unchanged();
  try {
    await Promise.all(Array.from({ length: Number(optionOf("jobs", "1")) }, async () => {
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
        tried.push(await use(mutant, unchanged));
        show(tried.at(-1)!);
      }
    }));
  } finally {
    unchanged.remove();
  }
  return tried;
}

if (hasFlag("draw")) await addDrawn();
let tried = due();
if (hasFlag("table")) tried.forEach(show);
else tried = await inLanes(hasFlag("draw") || hasFlag("search") ? search : tryAgain);
const count = (verdict: ReturnType<typeof verdictOf>): number =>
  tried.filter((mutant) => verdictOf(mutant) === verdict).length;
const missed = tried.length - count("caught") - count("equivalent");
console.log(
  `${tried.length} mutants: ${count("caught")} caught, ${count("equivalent")} equivalent, ${missed} missed`,
);
process.exitCode = missed === 0 ? 0 : 1;
