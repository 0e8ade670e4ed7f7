/** Deliberately broken: what a condemned node runs goes on under its next session. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "condemned-session-goes-on",
  breaks: "a lease that was taken away looks valid again (I1)",
  file: "src/protocol/holder/lease-holder.ts",
  find: `this.#dropUnsettled(session, "condemned");`,
  replace: "",
  profile: "stale",
  seed: 28,
};
