/** Deliberately broken: an older attach of the same term counts too. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "attach-number-ignored",
  breaks: "a late attach releases leases that run (I1)",
  file: "src/protocol/steward/steward.ts",
  find: "if (known && (boot < known.boot || (boot === known.boot && attach < known.attach))) return;",
  replace: "if (known && boot < known.boot) return;",
  profile: "stale",
  seed: 869,
};
