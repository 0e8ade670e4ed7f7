/** Deliberately broken: a task is forgotten when the cluster's retention is over, not its own. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "own-retention-ignored",
  breaks: "its submit may run again too early (I12)",
  file: "src/protocol/state/finished-tasks.ts",
  find: "(spec.options?.retention?.[key] || common[key])",
  replace: "common[key]",
  profile: "ends",
  seed: 9,
};
