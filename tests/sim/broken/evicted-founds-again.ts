/** Deliberately broken: a founder that was evicted founds another cluster. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "evicted-founds-again",
  breaks: "two clusters with one history (I7)",
  file: "src/protocol/belonging.ts",
  find: "founding.tick(this.#mayFound && !this.joining.hasMet)",
  replace: "founding.tick(!this.joining.hasMet)",
  profile: "reconfiguration",
  seed: 1521,
};
