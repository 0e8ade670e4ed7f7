/** Deliberately broken: one old keeper is enough for a base. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "base-from-one",
  breaks: "chosen entries are lost (I5)",
  file: "src/protocol/log/reconfiguration.ts",
  find: "return majorityOf(count);",
  replace: "return Math.min(1, majorityOf(count));",
  profile: "reconfiguration",
  seed: 2,
};
