/** Deliberately broken: a handler is called until the very end of its lease. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "start-within-margin",
  breaks: "a handler is called though it would have to stop at once (I10)",
  file: "src/protocol/holder/lease-holder.ts",
  find: "    return leaseMs < session.validUntilMs - this.#context.options.marginMs;",
  replace: "    return leaseMs < session.validUntilMs;",
  profile: "executions",
  seed: 125,
};
