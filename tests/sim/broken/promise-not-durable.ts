/** Deliberately broken: a promise is not written down. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "promise-not-durable",
  breaks: "after a restart a keeper follows a steward that it had renounced (I5, I2)",
  file: "src/protocol/log/keeper.ts",
  find: `this.#context.persist({ type: "promise", p: this.p, ballot });`,
  replace: "",
  profile: "crashy",
  seed: 312,
};
