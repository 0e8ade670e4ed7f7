/** Deliberately broken: a condemned node goes on with the same session number. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "condemned-session-goes-on",
  breaks: "it gets no lease any more, or holds one that was taken from it (I1, L1)",
  file: "src/protocol/worker.ts",
  find: "session.n = n + 1;",
  replace: "session.n = n;",
  profile: "stale",
  seed: 1,
};
