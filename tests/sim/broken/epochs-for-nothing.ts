/** Deliberately broken: a roster is proposed although nothing is to change. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "epochs-for-nothing",
  breaks: "a quiet cluster decides roster after roster (L4)",
  file: "src/protocol/roster/next-roster.ts",
  find: "return deciders.length > roster.deciders.length ? { ...roster, epoch, deciders } : null;",
  replace: "return { ...roster, epoch, deciders };",
  profile: "reconfiguration",
  seed: 1,
};
