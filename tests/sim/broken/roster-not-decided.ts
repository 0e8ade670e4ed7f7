/** Deliberately broken: one decider is enough for a roster. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "roster-not-decided",
  breaks: "two rosters of one epoch (I7)",
  file: "src/protocol/roster/register.ts",
  find: "return acceptedCount >= majorityOf(this.#deciders.length);",
  replace: "return acceptedCount >= Math.min(1, majorityOf(1));",
  profile: "reconfiguration",
  seed: 325,
};
