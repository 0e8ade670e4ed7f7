/** Deliberately broken: who declined a task is asked again at once. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "decline-forgotten",
  breaks: "tasks are offered in circles (L3)",
  file: "src/protocol/steward/declines.ts",
  find:
    "byNo.set(no, { forMs, sinceMs: this.#context.clock.monoMs, boot, changes, epoch: this.#epoch, why });",
  replace: "",
  profile: "placement",
  seed: 4,
};
