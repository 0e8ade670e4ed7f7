/** Deliberately broken: a keeper that stood still takes the others for silent in that time. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "paused-keeper-hasty",
  breaks: "nodes in good health lose their leases (L2)",
  file: "src/protocol/context/liveness.ts",
  find: "for (const [owner, ms] of this.#heardMs) this.#heardMs.set(owner, ms + gapMs);",
  replace: "if (gapMs < 0) this.#heardMs.clear();",
  profile: "pauses",
  seed: 6,
};
