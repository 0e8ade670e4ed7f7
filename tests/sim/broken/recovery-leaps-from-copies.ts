/** Deliberately broken: a recovery leaps from the copies that are left, of which there may be none. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "recovery-leaps-from-copies",
  breaks: "fences that grow (I4)",
  file: "src/protocol/recovery.ts",
  find: "index: roster.epoch * INDICES_PER_EPOCH };",
  replace: "index: Math.max(0, ...copies.map(({ replica }) => replica.lastIndex)) + 1e12 };",
  profile: "recover",
  seed: 215,
};
