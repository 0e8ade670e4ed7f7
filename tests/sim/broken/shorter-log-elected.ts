/** Deliberately broken: keepers grant to a candidate whose log is behind theirs. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "shorter-log-elected",
  breaks: "a term begins without chosen entries (I5)",
  file: "src/protocol/log/keeper.ts",
  find: "return compareLogEnds(this.votingEnd, end) > 0;",
  replace: "return compareLogEnds(this.replica.end, end) > 1_000_000_000;",
  profile: "general",
  seed: 2,
};
