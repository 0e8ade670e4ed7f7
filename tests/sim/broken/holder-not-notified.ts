/** Deliberately broken: in a large cluster nobody notifies a node of a lease that it never received. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "holder-not-notified",
  breaks: "a lease stays with a node that does not know of it (L1)",
  file: "src/protocol/heartbeats.ts",
  find: "(replica.tasks.leases.has(owner) && !this.#roles.stewards.of(term!).isAttached(node, boot))",
  replace: "(replica.tasks.leases.has(-owner) && !this.#roles.stewards.of(term!).isAttached(node, boot))",
  profile: "large",
  seed: 102,
};
