/** Deliberately broken: a finished task is deleted at once. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "finished-task-forgotten",
  breaks: "a retried submit runs it again (I3, I6)",
  file: "src/protocol/state/partition-tasks.ts",
  find: `if (after && isTerminal(after.state)) this.finished.add(after);
    if (after) this.records.set(id, after);`,
  replace: "if (after && !isTerminal(after.state)) this.records.set(id, after);",
  profile: "general",
  seed: 1,
};
