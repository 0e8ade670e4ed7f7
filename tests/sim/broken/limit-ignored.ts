/** Deliberately broken: a handler that takes fewer tasks than its node gets as many. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "limit-ignored",
  breaks: "too many of them run at once (I9)",
  file: "src/protocol/holder/admission.ts",
  find: "return this.#runningCount < this.#credit.slots && this.#credit.limits.mayStart(task.name);",
  replace: 'return this.#runningCount < this.#credit.slots && task.name !== "";',
  profile: "placement",
  seed: 10,
};
