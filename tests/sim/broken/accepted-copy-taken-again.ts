/** Deliberately broken: a steward judges a late copy of a command that it took by the task's record alone. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "accepted-copy-taken-again",
  breaks: "a command is carried out again, on the next task of a forgotten one's id (I6)",
  file: "src/protocol/steward/command-delivery.ts",
  find: "if (!earlier && !(record && isKnown(record, cid))) {",
  replace: "if (record && !isKnown(record, cid)) {",
  profile: "traps",
  seed: 11,
};
