/** Deliberately broken: an apart key is never free again. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "apart-key-kept",
  breaks: "a task waits for ever (L1)",
  file: "src/protocol/holder/admission.ts",
  find: "this.#byApart.delete(key);",
  replace: "",
  profile: "placement",
  seed: 3,
};
