/** Deliberately broken: what cannot be sent to the steward itself is passed on by nobody. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "no-way-round",
  breaks: "while one pair is cut, clients of the one get no answer from the other (L6)",
  file: "src/protocol/router.ts",
  find: "if (relay.from === from) context.send(relay.to, relay);",
  replace: "",
  profile: "pair",
  seed: 2,
};
