/** Deliberately broken: an end that nobody waited for is kept for the next task of the same id. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "end-of-another-task",
  breaks: "a task is told to have ended that has just begun (I6)",
  file: "src/protocol/client/requests.ts",
  find: "this.#watches.dropUnwanted(spec.id);",
  replace: "",
  profile: "purge",
  seed: 17,
};
