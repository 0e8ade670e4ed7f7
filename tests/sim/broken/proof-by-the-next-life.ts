/** Deliberately broken: a task has run for as long as some life of its node is heard. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "proof-by-the-next-life",
  breaks: "a node that is back proves that what killed it is harmless (I15)",
  file: "src/protocol/steward/dispatcher.ts",
  find: `    if (boot !== undefined && boot !== this.#liveness.bootOf(no)) return false;
`,
  replace: "",
  profile: "poison",
  seed: 1315,
};
