/** Deliberately broken: a lease that lapsed goes on when the session is vouched for again. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "lapsed-lease-revives",
  breaks: "it may have been given to another meanwhile (I1)",
  file: "src/protocol/worker.ts",
  find: `if (message.condemned >= session.n) this.#onCondemned(session, message.condemned);
    else`,
  replace: "",
  profile: "stale",
  seed: 1,
};
