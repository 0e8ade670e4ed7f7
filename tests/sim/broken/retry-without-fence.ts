/** Deliberately broken: a retry counts whatever end it names. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "retry-without-fence",
  breaks: "two who press at once retry twice (I3)",
  file: "src/protocol/state/task-machine.ts",
  find: 'if (fence !== request.fence) return "other";',
  replace: 'if (fence < 0) return "other";',
  profile: "ends",
  seed: 2,
};
