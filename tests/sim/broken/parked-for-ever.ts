/** Deliberately broken: what everybody declined is not looked at again. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "parked-for-ever",
  breaks: "a task waits for ever (L1)",
  file: "src/protocol/steward/task-queues.ts",
  find: "if (untilMs > now.monoMs) continue;",
  replace: "if (untilMs > 0) continue;",
  profile: "placement",
  seed: 6,
};
