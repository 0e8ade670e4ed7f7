/** Deliberately broken: whether a request was sent is guessed from the network at the end of its time. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "sent-by-the-network",
  breaks: "what was recorded is reported as not sent (I6)",
  file: "src/protocol/client/requests.ts",
  find: "return change?.sentTo === null;",
  replace: "return change !== undefined && !this.#context.isConnected(this.#targetOf(change.p)?.no ?? -1);",
  profile: "answers",
  seed: 10,
};
