/** Deliberately broken: a query is answered at once by whoever believes to be the steward. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "read-without-quorum",
  breaks: "a deposed steward answers what is long out of date (I6)",
  file: "src/protocol/steward/client-service.ts",
  find: `const index = this.#term.propose({ type: "noop" });
    this.#term.whenChosen(index, () => {
      const { replica }`,
  replace: `const index = 0;
    this.#term.whenChosen(index, () => {
      const { replica }`,
  profile: "partitions",
  seed: 2,
};
