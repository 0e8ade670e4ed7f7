/** Deliberately broken: a repeated command is taken for another one. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "command-done-twice",
  breaks: "a late repeat undoes what was commanded since (I3)",
  file: "src/protocol/state/task-machine.ts",
  find: "return record.commands?.known.includes(cid) ?? false;",
  replace: "return cid < 0;",
  profile: "commands",
  seed: 2,
};
