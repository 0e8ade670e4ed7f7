/** Deliberately broken: what an entry that was cut had forgotten stays forgotten. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "horizon-kept",
  breaks: "a fresh submit is refused as too old after a purge that never was chosen (I12)",
  file: "src/protocol/state/partition-tasks.ts",
  find: "        this.#lowerHorizon(undo.raised ?? null);\n",
  replace: "",
  profile: "answers",
  seed: 380,
};
