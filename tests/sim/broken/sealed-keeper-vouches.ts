/** Deliberately broken: a sealed keeper goes on vouching. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "sealed-keeper-vouches",
  breaks: "a lease outlives the silence that the new configuration counts (I1)",
  file: "src/protocol/heartbeats.ts",
  find: "return keeper.isServing;",
  replace: "return keeper.isInstalled;",
  profile: "reconfiguration",
  seed: 819,
};
