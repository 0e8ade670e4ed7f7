/** Deliberately broken: part of a copy counts as the whole. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "partial-copy-installed",
  breaks: "chosen entries are lost (I5)",
  file: "src/protocol/log/keeper.ts",
  find: "return index >= first;",
  replace: "return true;",
  profile: "reconfiguration",
  seed: 931,
};
