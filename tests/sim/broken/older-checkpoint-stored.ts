/** Deliberately broken: of the checkpoints of one attempt the one that comes last is stored. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "older-checkpoint-stored",
  breaks: "a late duplicate replaces an acked checkpoint (I11)",
  file: "src/protocol/state/task-machine.ts",
  find: "return seq > before.checkpointSeq",
  replace: "return seq > 0",
  profile: "stale",
  seed: 2,
};
