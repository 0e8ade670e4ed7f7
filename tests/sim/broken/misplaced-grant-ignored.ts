/** Deliberately broken: who left a partition says nothing to a steward that takes it for attached. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "misplaced-grant-ignored",
  breaks: "a lease stands for ever that its owner refuses (L1)",
  file: "src/protocol/holder/lease-holder.ts",
  find: "return this.#enlighten(session, message);",
  replace: "return;",
  profile: "large",
  seed: 169,
};
