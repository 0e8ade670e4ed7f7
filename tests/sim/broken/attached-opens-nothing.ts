/** Deliberately broken: in a large cluster a node is there for a steward and opens no credit to it. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "attached-opens-nothing",
  breaks: "a task waits for ever beside the only node that could run it (L1)",
  file: "src/protocol/router.ts",
  find: "if (sessions.heard(from, message.ballot.boot)) credit.open(from);",
  replace: "",
  profile: "large",
  seed: 705,
};
