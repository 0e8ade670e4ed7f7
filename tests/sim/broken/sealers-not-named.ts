/** Deliberately broken: a sealed keeper does not say who sealed it before. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "sealers-not-named",
  breaks: "a configuration that serves is passed over (I5)",
  file: "src/protocol/log/reconfiguration.ts",
  find: "const by = this.by.slice(0, -1);",
  replace: "const by: readonly number[] = [];",
  profile: "reconfiguration",
  seed: 6,
};
