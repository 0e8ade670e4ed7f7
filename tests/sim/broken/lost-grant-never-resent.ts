/** Deliberately broken: a grant is sent once. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "lost-grant-never-resent",
  breaks: "a lost grant leaves a task leased to nobody (L1)",
  file: "src/protocol/steward/grants.ts",
  find: "else if (monoMs - grant.sentMs >= this.#context.options.resendMs) {",
  replace: "else if (monoMs - grant.sentMs >= 1e12) {",
  profile: "general",
  seed: 19,
};
