/** Deliberately broken: what a former steward was given counts as given, although it answers no recall. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "former-steward-keeps-credit",
  breaks: "a slot is lost for ever, and a task waits for it (L1)",
  file: "src/protocol/credit.ts",
  find: "return this.#core.isConnected(no) && this.#core.reach.isKeeping(no);",
  replace: "return this.#core.isConnected(no);",
  profile: "large",
  seed: 32556,
};
