/** Deliberately broken: a late copy is taken though its request is settled. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "settled-copy-taken",
  breaks: "a command that was refused is carried out (I6)",
  file: "src/protocol/steward/decisions.ts",
  find: "return rid < this.#floor;",
  replace: "return rid < 0;",
  profile: "answers",
  seed: 13,
};
