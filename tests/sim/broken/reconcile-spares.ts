/** Deliberately broken: a steward does not release what a node no longer holds. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "reconcile-spares",
  breaks: "a lease of a task that nobody runs is renewed for ever (L1)",
  file: "src/protocol/steward/steward.ts",
  find: "this.#reconcile(from, message);",
  replace: "",
  profile: "general",
  seed: 2,
};
