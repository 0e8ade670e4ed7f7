/** Deliberately broken: a query is answered at once from the steward's copy. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "unchosen-read",
  breaks: "reads return what was never chosen or is stale (I6)",
  file: "src/protocol/desk.ts",
  find: `const index = this.#reign.propose({ type: "noop" });
    this.#reign.whenChosen(index, () => {
      const { records }`,
  replace: `const index = 0;
    this.#reign.whenChosen(index, () => {
      const { records }`,
  profile: "partitions",
  seed: 1,
};
