/** Deliberately broken: two that are there are outvoted by deciders that were let in and never came. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "newcomers-outvote",
  breaks: "no roster is ever decided again (L1)",
  file: "src/protocol/roster-plan.ts",
  find: "known === 2 ? Math.min(3, keeping.length) : known",
  replace: "known === 2 ? keeping.length : known",
  profile: "ambush",
  seed: 33115,
};
