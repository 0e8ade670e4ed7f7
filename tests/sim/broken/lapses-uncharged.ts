/** Deliberately broken: each death is the first. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "lapses-uncharged",
  breaks: "a poison task kills for ever (I15)",
  file: "src/protocol/state/lapses.ts",
  find: "lapsesInSuccession: isHarmless ? 0 : before.lapsesInSuccession + Number(isCounted),",
  replace: "lapsesInSuccession: Number(isCounted),",
  profile: "poison",
  seed: 1,
};
