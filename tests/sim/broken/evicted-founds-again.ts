/** Deliberately broken: a founder that was evicted founds another cluster. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "evicted-founds-again",
  breaks: "two clusters with one history (I7)",
  file: "src/protocol/engine.ts",
  find: "this.#founding.tick(this.#mayFound && !this.#joining.hasMet)",
  replace: "this.#founding.tick(!this.#joining.hasMet)",
  profile: "reconfiguration",
  seed: 1,
};
