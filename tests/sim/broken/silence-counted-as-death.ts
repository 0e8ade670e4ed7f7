/** Deliberately broken: who falls silent has died. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "silence-counted-as-death",
  breaks: "nodes that are cut off or stand still charge their tasks (I15)",
  file: "src/protocol/steward/session-expiry.ts",
  find: 'const isDead = countOf("dead") > countOf("silent");',
  replace: 'const isDead = countOf("dead") >= 0;',
  profile: "poison",
  seed: 9,
};
