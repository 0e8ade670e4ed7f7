/** Deliberately broken: a member is dropped in the same epoch in which it is marked as leaving. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "left-before-known",
  breaks: "the last that know the roster have gone (L1)",
  file: "src/protocol/roster/next-roster.ts",
  find: "!leaving || named.has(no) || !wasLeaving.has(no));",
  replace: "!leaving || named.has(no) || wasLeaving.size < 0);",
  profile: "traps",
  seed: 23,
};
