/** Deliberately broken: a finished task is deleted at once. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "finished-task-forgotten",
  breaks: "a retried submit runs it again (I3, I6)",
  file: "src/protocol/state/partition-tasks.ts",
  find: "if (finishedPushed) this.#finished.push(id);",
  replace: "if (finishedPushed) this.records.delete(id);",
  profile: "general",
  seed: 1,
};
