/** Deliberately broken: a decider forgets its vote in a crash. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "vote-not-durable",
  breaks: "two rosters of one epoch (I7)",
  file: "src/protocol/roster/register.ts",
  find: '    this.#context.persist({ type: "vote", epoch: this.#epoch, promised, accepted });\n',
  replace: "",
  profile: "ambush",
  seed: 3,
};
