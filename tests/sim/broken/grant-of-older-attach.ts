/** Deliberately broken: a holder takes grants of an earlier attach or term. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "grant-of-older-attach",
  breaks: "it starts what was released or given to others (I1, I8)",
  file: "src/protocol/holder/session.ts",
  find: `return message.n === session.n && message.attach === session.attach &&
    isSameBallot(message.ballot, session.term);`,
  replace: "return message.n === session.n;",
  profile: "stale",
  seed: 3,
};
