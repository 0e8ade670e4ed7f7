/** Deliberately broken: one decider is enough for a roster. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "roster-not-decided",
  breaks: "two rosters of one epoch (I7)",
  file: "src/protocol/roster-register.ts",
  find:
    "    proposal.yes.add(from);\n    if (proposal.yes.size < majorityOf(this.#deciders.length)) return;\n    const { value } = proposal;",
  replace: "    const { value } = proposal;",
  profile: "reconfiguration",
  seed: 23,
};
