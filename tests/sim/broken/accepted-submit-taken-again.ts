/** Deliberately broken: a steward forgets which submits it took. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "accepted-submit-taken-again",
  breaks: "a task runs again when a late first copy comes after it was forgotten (I6)",
  file: "src/protocol/steward/client-service.ts",
  find: "const isNew = !record && !earlier;",
  replace: "const isNew = !record;",
  profile: "answers",
  seed: 10,
};
