/** Deliberately broken: a seal is forgotten in a crash. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "seal-not-durable",
  breaks: "the old configuration serves again (I2)",
  file: "src/protocol/log/reconfiguration.ts",
  find: `    this.#context.persist({ type: "seal", p, cfg, by: this.by });
`,
  replace: "",
  profile: "everything",
  seed: 6,
};
