/** Deliberately broken: a term begins with the time that its clocks show, whatever the log has. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "time-goes-back",
  breaks: "the times in a log go back (I12)",
  file: "src/protocol/log/cluster-time.ts",
  find: "this.#timeMs = Math.max(floorMs, reachedMs);",
  replace: "this.#timeMs = Math.max(0 * floorMs, reachedMs);",
  profile: "clocks",
  seed: 1,
};
