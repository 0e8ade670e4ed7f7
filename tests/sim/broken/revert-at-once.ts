/** Deliberately broken: a steward reverts on its own silence, without CONDEMN and wait. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "revert-at-once",
  breaks: "keepers go on vouching for a reverted session (I1)",
  file: "src/protocol/steward/session-expiry.ts",
  find: `this.#term.propose({ type: "condemn", session });`,
  replace: `this.#term.propose({ type: "revert", session, atMs: this.#context.clock.wallMs });
    this.#port.reverted();`,
  profile: "stale",
  seed: 2,
};
