/** Deliberately broken: the cluster's time is what the steward's own wall clock shows. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "one-clock-decides",
  breaks: "tasks are due, and forgotten, by one wrong clock (I12)",
  file: "src/protocol/context/wall-clocks.ts",
  find: "return { reachedMs: majorityReached(reached), possibleMs: majorityReached(possible) };",
  replace: "return { reachedMs: this.#node.clock.wallMs, possibleMs: this.#node.clock.wallMs };",
  profile: "clocks",
  seed: 2,
};
