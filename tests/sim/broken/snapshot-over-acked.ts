/** Deliberately broken: a late snapshot replaces a log that already reaches further. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "snapshot-over-acked",
  breaks: "acked entries vanish (I5)",
  file: "src/protocol/log/snapshot-transfer.ts",
  find: "if (mine === undefined || !isSameBallot(mine, end.ballot)) return false;",
  replace: "if (mine !== null) return false;",
  profile: "traps",
  seed: 243,
};
