/** Deliberately broken: a newly installed keeper counts silence from before. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "installed-keeper-hasty",
  breaks: "a lease is reverted while it is valid (I1)",
  file: "src/protocol/log/keeper.ts",
  find: "return this.isInstalled ? this.installedAtMs : this.#context.clock.monoMs;",
  replace: "return -Infinity;",
  profile: "reconfiguration",
  seed: 819,
};
