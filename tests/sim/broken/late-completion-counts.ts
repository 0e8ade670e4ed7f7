/** Deliberately broken: a task that completes has completed, however late. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "late-completion-counts",
  breaks: "a completion counts that came when the time was over (I3)",
  file: "src/protocol/state/task-machine.ts",
  find: "if (isExpiring(before) && !keepsLease(settlement)) {",
  replace: 'if (isExpiring(before) && !keepsLease(settlement) && settlement.type !== "complete") {',
  profile: "expiry",
  seed: 2,
};
