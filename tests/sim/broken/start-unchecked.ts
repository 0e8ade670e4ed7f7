/** Deliberately broken: what a step has started is called whenever its turn comes. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "start-unchecked",
  breaks: "a handler is called under a lease that has ended (I10)",
  file: "src/protocol/holder/lease-holder.ts",
  find: "    return leaseMs < session.validUntilMs - this.#context.options.marginMs;",
  replace: "    return leaseMs < Infinity;",
  profile: "executions",
  seed: 49,
};
