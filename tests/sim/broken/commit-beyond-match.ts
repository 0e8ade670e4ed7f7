/**
 * Deliberately broken: a follower believes the steward's commit index for entries that it has not compared.
 */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "commit-beyond-match",
  breaks: "it takes its own stray entries for chosen (X, I5)",
  file: "src/protocol/log/keeper.ts",
  find: "this.replica.commitTo(Math.min(message.commit, this.#matched!.index));",
  replace: "this.replica.commitTo(Math.min(message.commit, this.replica.lastIndex));",
  profile: "general",
  seed: 78,
};
