/** Deliberately broken: an attach counts for whatever term receives it. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "attach-unbound",
  breaks: "a late attach releases leases that run (I1)",
  file: "src/protocol/steward/steward.ts",
  find: "if (!isSameBallot(message.ballot, this.#term.ballot)) return;",
  replace: "",
  profile: "stale",
  seed: 211,
};
