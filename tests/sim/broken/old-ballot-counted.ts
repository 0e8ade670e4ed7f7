/**
 * Deliberately broken: a steward counts entries of older ballots as chosen once a majority has them (Raft,
 * figure 8).
 */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "old-ballot-counted",
  breaks: "a chosen entry can be replaced (I5, I2)",
  file: "src/protocol/log/term.ts",
  find: "if (index > commit && isSameBallot(this.replica.ballotAt(index) ?? null, this.ballot)) {",
  replace: "if (index > commit) {",
  profile: "crashy",
  seed: 25,
};
