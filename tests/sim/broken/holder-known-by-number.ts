/** Deliberately broken: a holder that asks again whether its completion counts must have the old number. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "holder-known-by-number",
  breaks: "a recorded completion is refused to a holder that became a member anew (I3)",
  file: "src/protocol/steward/steward.ts",
  find: "} else if (record?.fence !== fence || !endedBy(record, settlement)) {",
  replace:
    "} else if (record?.fence !== fence || record.session?.node !== from || !endedBy(record, settlement)) {",
  profile: "traps",
  seed: 9,
};
