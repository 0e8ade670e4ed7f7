/** Deliberately broken: a query is answered at once by whoever thinks that it reigns. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "read-without-quorum",
  breaks: "a deposed steward answers what is long out of date (I6)",
  file: "src/protocol/steward/client-service.ts",
  find: `const index = this.#reign.propose({ type: "noop" });
    this.#reign.whenChosen(index, () => {
      const { replica }`,
  replace: `const index = 0;
    this.#reign.whenChosen(index, () => {
      const { replica }`,
  profile: "partitions",
  seed: 2,
};
