/** Deliberately broken: a task that names its node runs anywhere. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "pin-ignored",
  breaks: "a task runs where it must not (I9)",
  file: "src/protocol/steward/placement.ts",
  find: "member.name !== placement.node && member.id !== placement.node) return false;",
  replace: 'member.name === "") return false;',
  profile: "placement",
  seed: 1,
};
