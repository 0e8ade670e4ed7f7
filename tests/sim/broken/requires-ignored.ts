/** Deliberately broken: labels that a task requires count for nothing. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "requires-ignored",
  breaks: "a task runs where it must not (I9)",
  file: "src/protocol/steward/placement.ts",
  find: "return missingLabel(member, placement) === null;",
  replace: "return true;",
  profile: "placement",
  seed: 2,
};
