/** Deliberately broken: a new member gets the number of one that left. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "number-given-twice",
  breaks: "sessions of two nodes are one (I1)",
  file: "src/protocol/roster/next-roster.ts",
  find: "else members.push({ no: nextNo++, ...candidate, leaving: false });",
  replace: "else members.push({ no: members.at(-1)!.no + 1, ...candidate, leaving: false });",
  profile: "everything",
  seed: 3,
};
