/** Deliberately broken: a node that was put out believes a roster from before. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "older-roster-adopted",
  breaks: "it keeps again what it has forgotten its promises of (I2, I5)",
  file: "src/protocol/roster/joining.ts",
  find: "if (this.#outBy?.cluster === roster.cluster && roster.epoch < this.#outBy.epoch) return;",
  replace: "",
  profile: "traps",
  seed: 32,
};
