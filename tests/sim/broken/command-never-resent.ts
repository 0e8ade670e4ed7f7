/** Deliberately broken: a command goes to the holder once. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "command-never-resent",
  breaks: "a command that gets lost on its way waits until the attempt ends (L5)",
  file: "src/protocol/steward/command-delivery.ts",
  find: "if (sentMs > monoMs - this.#context.options.resendMs) continue;",
  replace: "if (sentMs > 0) continue;",
  profile: "traps",
  seed: 49,
};
