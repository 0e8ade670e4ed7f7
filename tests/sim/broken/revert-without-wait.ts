/** Deliberately broken: a condemned session is reverted as soon as the CONDEMN is chosen. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "revert-without-wait",
  breaks: "vouches given before are not waited out (I1)",
  file: "src/protocol/steward/session-expiry.ts",
  find: "if (this.#context.clock.monoMs < due[majorityOf(due.length) - 1]!) return;",
  replace: "if (due[majorityOf(due.length) - 1]! === Infinity) return;",
  profile: "stale",
  seed: 20,
};
