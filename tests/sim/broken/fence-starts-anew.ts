/** Deliberately broken: a task that runs anew begins with fence 0. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "fence-starts-anew",
  breaks: "fences do not grow, and an end may have the fence of an earlier one (I4)",
  file: "src/protocol/state/task-machine.ts",
  find: `    fence: no,
    avoid: -1,`,
  replace: `    fence: 0,
    avoid: -1,`,
  profile: "ends",
  seed: 2,
};
