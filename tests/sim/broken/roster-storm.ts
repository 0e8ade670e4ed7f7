/** Deliberately broken: whoever shows the same roster gets it once more. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "roster-storm",
  breaks: "every heartbeat brings a whole roster (L4)",
  file: "src/protocol/heartbeats.ts",
  find: "if (message.epoch < epoch) this.#roles.membership.isBehind(from);",
  replace: "if (message.epoch <= epoch) this.#roles.membership.isBehind(from);",
  profile: "reconfiguration",
  seed: 1,
};
