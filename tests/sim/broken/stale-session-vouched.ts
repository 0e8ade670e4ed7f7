/** Deliberately broken: a vouch for a beat of the condemned session counts for the next one. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "stale-session-vouched",
  breaks: "the new session looks valid before a majority vouches for it",
  file: "src/protocol/worker.ts",
  find: `session.minSentMs = this.#core.clock.leaseMs;
    session.vouchedMs.fill(-Infinity);
    session.validUntilMs = -Infinity;`,
  replace: "",
  profile: "stale",
  seed: 1,
};
