/** Deliberately broken: who lost leases says at once that it does not hold them. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "lost-without-margin",
  breaks: "an obedient handler runs beside the next attempt (I10)",
  file: "src/protocol/holder/session.ts",
  find: "monoMs >= session.quietUntilMs && monoMs",
  replace: "monoMs",
  profile: "executions",
  seed: 9,
};
