/** Deliberately broken: a steward reverts on its own silence, without CONDEMN and wait. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "revert-at-once",
  breaks: "keepers go on vouching for a reverted session (I1)",
  file: "src/protocol/steward/session-expiry.ts",
  find: `this.#reign.propose({ type: "condemn", session });`,
  replace: `this.#reign.propose({ type: "revert", session, atMs: this.#core.clock.wallMs });
    this.#reign.desk.requeue();`,
  profile: "stale",
  seed: 2,
};
