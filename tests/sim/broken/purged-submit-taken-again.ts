/** Deliberately broken: a copy of the submit of a purged task makes another one. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "purged-submit-taken-again",
  breaks: "one call of a client runs twice (I3, I6)",
  file: "src/protocol/state/partition-tasks.ts",
  find: "return this.purged.get(id)?.cid === cid;",
  replace: "return this.purged.get(id)?.cid === -1 - cid;",
  profile: "ends",
  seed: 1,
};
