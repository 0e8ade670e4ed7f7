/** Deliberately broken: the wait for a condemned session ignores that clocks run at different rates. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "drift-ignored",
  breaks: "a lease on a slow clock is still valid when it is reverted (I1)",
  file: "src/protocol/steward/session-expiry.ts",
  find: "return leaseTtlMs * (1 + clockRateBound) / (1 - clockRateBound);",
  replace: "return leaseTtlMs + 0 * clockRateBound;",
  profile: "stale",
  seed: 152,
};
