/** Deliberately broken: a steward answers and grants after its own append, before a majority has it. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "reply-before-quorum",
  breaks: "what was acked or granted was never chosen (I6, I1, I5)",
  file: "src/protocol/log/term.ts",
  find: "this.#runWaiters(this.replica.commit);",
  replace: "this.#runWaiters(this.replica.lastIndex);",
  profile: "general",
  seed: 1,
};
