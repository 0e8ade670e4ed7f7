/** Deliberately broken: a client in a large cluster asks the last steward that it knew, there or not. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "client-asks-the-departed",
  breaks: "a watch is never answered (L1)",
  file: "src/protocol/client/requests.ts",
  find: "const no = this.#context.topology.keeperToAsk(p);",
  replace: "const no = ballot ? -1 : this.#context.topology.keeperToAsk(p);",
  profile: "large",
  seed: 4,
};
