/** Deliberately broken: an earlier configuration is passed over without proof. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "predecessor-skipped",
  breaks: "chosen entries are lost (I5)",
  file: "src/protocol/log/reconfiguration.ts",
  find: "if (!by.has(predecessor.configuration.epoch)) return true;",
  replace: "return true;",
  profile: "reconfiguration",
  seed: 6,
};
