/** Deliberately broken: the keepers before answer but go on serving. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "old-keepers-not-sealed",
  breaks: "two configurations choose at once (I2)",
  file: "src/protocol/log/reconfiguration.ts",
  find: "if (ballot.cfg > last) this.#close(ballot.cfg);",
  replace: "",
  profile: "reconfiguration",
  seed: 1,
};
