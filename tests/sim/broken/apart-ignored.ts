/** Deliberately broken: a node starts a second task with the same apart key. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "apart-ignored",
  breaks: "two such tasks run on one node (I9)",
  file: "src/protocol/holder/admission.ts",
  find: 'if (!this.#claimsKey(held)) return { type: "decline", forMs: 0 };',
  replace: "",
  profile: "placement",
  seed: 4,
};
