/** Deliberately broken: a steward judges each copy of a command anew. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "refusal-forgotten",
  breaks: "a command that was refused is carried out (I6)",
  file: "src/protocol/steward/command-delivery.ts",
  find: "const earlier = decisions.get(rid);",
  replace: "const earlier = undefined as CommandStatus | undefined;",
  profile: "answers",
  seed: 2,
};
