/** Deliberately broken: a node runs as many tasks on probation as come. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "probation-ignored",
  breaks: "tasks that may kill their nodes run side by side (I15)",
  file: "src/protocol/holder/admission.ts",
  find: "if (!held.task.isOnProbation || this.#onProbation?.held === held) return true;",
  replace: "if (held.grantedMs > -Infinity) return true;",
  more: [
    {
      file: "src/protocol/steward/dispatcher.ts",
      find: `    if (isOnProbation(record) && this.#onProbation.isTaken(PROBATION, no)) return "declined";
`,
      replace: "",
    },
  ],
  profile: "poison",
  seed: 17,
};
