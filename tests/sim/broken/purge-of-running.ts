/** Deliberately broken: a purge forgets a task that has not ended. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "purge-of-running",
  breaks: "a task that was acked is lost while it runs (I3, I6)",
  file: "src/protocol/state/task-machine.ts",
  find: 'if (!isTerminal(state)) return "open";',
  replace: 'if (!isTerminal(state) && request.type === "retry") return "open";',
  profile: "ends",
  seed: 2,
};
