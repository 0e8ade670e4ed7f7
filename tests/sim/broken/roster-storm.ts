/** Deliberately broken: whoever is behind is told at every message. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "roster-storm",
  breaks: "the network drowns in rosters (X-endless)",
  file: "src/protocol/membership.ts",
  find: "if (this.#nowMs - (this.#toldMs.get(no) ?? -Infinity) < this.#core.options.resendMs) return;",
  replace: "",
  profile: "reconfiguration",
  seed: 0,
};
