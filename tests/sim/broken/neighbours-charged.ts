/** Deliberately broken: each death is charged to all tasks of the node, on probation or not. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "neighbours-charged",
  breaks: "tasks that lose their node to another one are charged for it (I15)",
  file: "src/protocol/state/lapses.ts",
  find: "const PROBATION_AFTER = 2;",
  replace: "const PROBATION_AFTER = 0;",
  profile: "poison",
  seed: 1,
};
