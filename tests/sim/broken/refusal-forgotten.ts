/** Deliberately broken: a steward judges each copy of a command anew. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "refusal-forgotten",
  breaks: "a command that was refused is carried out (I6)",
  file: "src/protocol/steward/command-delivery.ts",
  find: "const status = refusals.get(rid) ?? this.#statusOf(record, message);",
  replace: "const status = this.#statusOf(record, message);",
  profile: "answers",
  seed: 3,
};
