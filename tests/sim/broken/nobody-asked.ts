/** Deliberately broken: a steward of a large cluster is content with those who are attached. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "nobody-asked",
  breaks: "a task waits for ever beside nodes that could run it (L1)",
  file: "src/protocol/steward/dispatcher.ts",
  find: "    this.#unattachedDemand.run(this.waiting);\n",
  replace: "",
  profile: "large",
  seed: 6,
};
