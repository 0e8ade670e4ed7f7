/** Deliberately broken: the base ends at what the old keeper knew to be chosen. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "base-without-tail",
  breaks: "chosen entries are lost (I5)",
  file: "src/protocol/log/replica.ts",
  find: "return { ...this.chosenState(), tail };",
  replace: "return { ...this.chosenState(), tail: tail.slice(tail.length) };",
  profile: "reconfiguration",
  seed: 2,
};
