/** Deliberately broken: a node starts a second task with the same apart key. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "apart-ignored",
  breaks: "two such tasks run on one node (I9)",
  file: "src/protocol/holder/admission.ts",
  find: " || !this.#claimsKey(held)) return",
  replace: ") return",
  profile: "placement",
  seed: 4,
};
