/** Deliberately broken: a steward refuses a command once its log as it stands is chosen. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "refusal-without-round",
  breaks: "a deposed steward refuses what has long been allowed (I6)",
  file: "src/protocol/steward/command-delivery.ts",
  find: "return this.#term.whenConfirmed(answer);",
  replace: "return this.#term.whenChosen(replica.lastIndex, answer);",
  profile: "answers",
  seed: 149,
};
