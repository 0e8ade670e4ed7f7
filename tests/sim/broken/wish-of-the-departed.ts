/** Deliberately broken: where epochs were missed the wish of a member that is gone stays, and blocks all. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "wish-of-the-departed",
  breaks: "nobody who waits for a turn ever leaves (L1)",
  file: "src/protocol/roster/pending-changes.ts",
  find: "for (const no of this.#leaving.keys()) if (!staying.has(no)) this.#leaving.delete(no);",
  replace: "for (const { no, leaving } of roster.members) if (leaving) this.#leaving.delete(no);",
  profile: "departures",
  seed: 136,
};
