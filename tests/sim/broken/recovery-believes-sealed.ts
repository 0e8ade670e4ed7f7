/** Deliberately broken: a recovery calls a partition complete though a newer configuration took it over. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "recovery-believes-sealed",
  breaks: "what is lost is not named, and a cluster that cannot go on is called enough (I13, L1)",
  file: "src/protocol/recovery.ts",
  find: "      copy.cfg === cfg && copy.isInstalled && copy.seal.by.length === 0\n",
  replace: "      copy.cfg === cfg && copy.isInstalled\n",
  profile: "recover",
  seed: 12,
};
