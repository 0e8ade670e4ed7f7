/** Deliberately broken: a keeper that a newer configuration sealed still answers an older one. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "passed-over-takes-over",
  breaks: "two configurations choose at once (I2)",
  file: "src/protocol/log/reconfiguration.ts",
  find: "if (ballot.cfg < last || ballot.cfg <= cfg) return false;",
  replace: "if (ballot.cfg <= cfg) return false;",
  profile: "ambush",
  seed: 729,
};
