/** Deliberately broken: an end without a holder has the fence of the last lease, or none. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "ends-alike",
  breaks: "a retry of an earlier end counts for a later one (I3)",
  file: "src/protocol/state/task-machine.ts",
  find: "return isTerminal(after.state) ? { ...after, fence: no } : after;",
  replace: "return after;",
  profile: "ends",
  seed: 1,
};
