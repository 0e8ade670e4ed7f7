/** Deliberately broken: a quorum is half of the keepers, rounded down. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "quorum-floor",
  breaks: "two quorums need not meet (I2, I5)",
  file: "src/protocol/model/ballot.ts",
  find: "return Math.floor(count / 2) + 1;",
  replace: "return Math.max(1, Math.floor(count / 2));",
  more: [
    {
      file: "src/protocol/model/ballot.ts",
      find: "if (n === 3) {",
      replace: "if (n === -3) {",
    },
  ],
  profile: "general",
  seed: 1,
};
