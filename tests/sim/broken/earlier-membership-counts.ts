/** Deliberately broken: what was sent to a node as another member counts for the member that it is now. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "earlier-membership-counts",
  breaks: "a grant to the number that a node had before starts under its new one (I1)",
  file: "src/protocol/worker.ts",
  find: "this.#after = { attach, sentMs: this.#core.clock.leaseMs };",
  replace: "this.#after = { attach: 0 * attach, sentMs: -Infinity };",
  profile: "reconfiguration",
  seed: 1521,
};
