/** Deliberately broken: a recovery takes any copy of a partition, not the best. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "recovery-of-any-copy",
  breaks: "what a majority of keepers still has (I13)",
  file: "src/protocol/recovery.ts",
  find: "    if (!best || compareLogEnds(copy.replica.end, best.replica.end) > 0) best = copy;\n",
  replace: "    best ??= copy;\n",
  profile: "recover",
  seed: 13,
};
