/** Deliberately broken: a keeper that stood still takes the others for silent in that time. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "paused-keeper-hasty",
  breaks: "leases end without need (L1; safe, so it may go unnoticed)",
  file: "src/protocol/sessions.ts",
  find: "for (const [owner, ms] of this.#heardMs) this.#heardMs.set(owner, ms + gapMs);",
  replace: "if (gapMs < 0) this.#heardMs.clear();",
  profile: "general",
  seed: 1,
};
