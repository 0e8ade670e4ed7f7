/** Deliberately broken: one keeper's vouch renews a lease. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "one-vouch-is-enough",
  breaks: "a lease that a majority has condemned goes on (I1)",
  file: "src/protocol/holder/session.ts",
  find: "return majorityReached(vouchedMs) + context.options.leaseTtlMs;",
  replace: "return Math.max(...vouchedMs) + context.options.leaseTtlMs;",
  profile: "stale",
  seed: 9,
};
