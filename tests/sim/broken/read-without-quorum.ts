/** Deliberately broken: a query is answered at once by whoever believes to be the steward. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "read-without-quorum",
  breaks: "a deposed steward answers what is long out of date (I6)",
  file: "src/protocol/steward/client-service.ts",
  find: `this.#term.whenConfirmed(() => {
      const { replica }`,
  replace: `this.#term.whenChosen(0, () => {
      const { replica }`,
  profile: "partitions",
  seed: 7,
};
