/** Deliberately broken: a copy that is not whole counts in elections. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "partial-copy-votes",
  breaks: "chosen entries are lost (I5)",
  file: "src/protocol/keeper.ts",
  find: "return this.isInstalled ? this.replica.end : EMPTY_LOG;",
  replace: "return this.replica.end;",
  profile: "reconfiguration",
  seed: 459,
};
