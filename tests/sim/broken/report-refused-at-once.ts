/** Deliberately broken: a steward refuses a report once its log as it stands is chosen. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "report-refused-at-once",
  breaks: "a deposed steward refuses the report of who holds the task by now (I3)",
  file: "src/protocol/steward/steward.ts",
  find: "this.#term.whenConfirmed(() => this.#replies.for(from)",
  replace: "this.#term.whenChosen(replica.lastIndex, () => this.#replies.for(from)",
  profile: "traps",
  seed: 365,
};
