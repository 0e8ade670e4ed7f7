/** Deliberately broken: a task that may have killed its node is started at once. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "suspect-started-at-once",
  breaks: "a poison task costs a partition its quorum (I15)",
  file: "src/protocol/steward/dispatcher.ts",
  find: `    if (this.#mustWait(steward, record)) return DECLINED;
`,
  replace: "",
  profile: "poison",
  seed: 3,
};
