/** Deliberately broken: what a process said before its connection closed, and comes later, counts as life. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "late-word-is-life",
  breaks: "a death is taken for silence, and the next start of the task follows at once (I15)",
  file: "src/protocol/context/liveness.ts",
  find: "if (boot > known) this.#closedMs.delete(node);",
  replace: "this.#closedMs.delete(node);",
  profile: "poison",
  seed: 453,
};
