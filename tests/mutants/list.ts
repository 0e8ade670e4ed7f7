/** The list of mutants that were tried: list.json. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { read } from "../tidy/source.ts";
import type { Change } from "./draw.ts";
import type { Catcher } from "./trial.ts";

export interface Mutant extends Change {
  readonly no: number;
  /** What it is: of those that were not drawn, but had once survived. */
  readonly name?: string;
  /** Not there: not looked for yet. Null: nothing catches it. */
  readonly caughtBy?: Catcher | null;
  /** Why nothing can see it. */
  readonly equivalent?: string;
}

/** `gone`: its code has changed, so it is to be taken from the list. */
export type Verdict = "caught" | "equivalent" | "survives" | "not tried" | "gone";

export function verdictOf(mutant: Mutant): Verdict {
  const { caughtBy, equivalent } = mutant;
  if (!isThere(mutant)) return "gone";
  if (caughtBy) return "caught";
  if (caughtBy === undefined) return "not tried";
  return equivalent ? "equivalent" : "survives";
}

const PATH = join(import.meta.dirname, "list.json");

export function readList(): readonly Mutant[] {
  return JSON.parse(readFileSync(PATH, "utf8")) as Mutant[];
}

export function writeList(mutants: readonly Mutant[]): void {
  writeFileSync(PATH, `${JSON.stringify(mutants, null, 2)}\n`);
}

/** Puts one of the list in the place of the one of its number. */
export function replaceInList(mutant: Mutant): void {
  writeList(readList().map((each) => each.no === mutant.no ? mutant : each));
}

function isThere({ file, find }: Change): boolean {
  return read(file).split(find).length === 2;
}

/** `file:line` of the change today. */
export function placeOf({ file, find, replace }: Change): string {
  const text = read(file);
  let same = 0;
  while (find[same] === replace[same]) same++;
  return `${file}:${text.slice(0, text.indexOf(find) + same).split("\n").length}`;
}

/** `old → new`, on one line. */
export function changeText({ find, replace }: Change): string {
  return `${find} → ${replace}`.replace(/\s+/g, " ").trim();
}
