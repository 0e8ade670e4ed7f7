/** Deliberately broken: a holder does not remember which grants it has seen. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "duplicate-grant-starts-twice",
  breaks: "a fence starts twice (I8)",
  file: "src/protocol/holder/session.ts",
  find: "return fence < session.grantFloor || session.seen.has(fence);",
  replace: "return fence < session.grantFloor - 1_000_000 || session.seen.has(-fence);",
  profile: "general",
  seed: 2,
};
