/** Deliberately broken: a proposer prefers its own roster to one that may be decided. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "accepted-roster-ignored",
  breaks: "two rosters of one epoch (I7)",
  file: "src/protocol/roster/register.ts",
  find: "proposal.value = proposal.highest?.roster ?? proposal.wanted;",
  replace: "proposal.value = proposal.wanted;",
  profile: "reconfiguration",
  seed: 43,
};
