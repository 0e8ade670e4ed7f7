/** Deliberately broken: who leaves is dropped while a configuration still names it. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "departed-keeper-unlisted",
  breaks: "a keeper of what others need is no member any more (I18)",
  file: "src/protocol/roster/next-roster.ts",
  find: "!leaving || named.has(no) || !wasLeaving.has(no));",
  replace: "!leaving || !wasLeaving.has(no));",
  profile: "departures",
  seed: 1,
};
