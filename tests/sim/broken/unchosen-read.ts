/** Deliberately broken: a query is answered from what the steward has appended, chosen or not. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "unchosen-read",
  breaks: "reads return what may never be chosen (I6)",
  file: "src/protocol/steward/client-service.ts",
  find: "const record = replica.chosenRecord(query.id);",
  replace: "const record = replica.tasks.records.get(query.id);",
  profile: "general",
  seed: 3,
};
