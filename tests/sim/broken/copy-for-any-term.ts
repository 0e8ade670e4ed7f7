/** Deliberately broken: a steward takes copies that were sent to an earlier term, its own or another's. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "copy-for-any-term",
  breaks: "a command that was refused by a later term is carried out (I6)",
  file: "src/protocol/router.ts",
  find:
    "if (!isOfAnyTerm && !isSameBallot(message.ballot, term.ballot)) return this.#direct(from, message.p);",
  replace: "if (!isOfAnyTerm && message.ballot === null) return this.#direct(from, message.p);",
  profile: "answers",
  seed: 220,
};
