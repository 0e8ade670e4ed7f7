/** Deliberately broken: a vouch counts in every configuration that its keeper belongs to. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "vouches-added-up",
  breaks: "leases without a majority in any configuration (I1)",
  file: "src/protocol/holder/session.ts",
  find: "if (vouchers.cfg !== cfg) continue;",
  replace: "",
  more: [
    {
      file: "src/protocol/holder/session.ts",
      find: "if (at < 0 || sentMs <= session.minSentMs || sentMs <= vouchers.vouchedMs[at]!) return;",
      replace: "if (at < 0 || sentMs <= session.minSentMs || sentMs <= vouchers.vouchedMs[at]!) continue;",
    },
    {
      file: "src/protocol/holder/session.ts",
      find: "leaseEnd(context, vouchers));\n    return;",
      replace: "leaseEnd(context, vouchers));",
    },
  ],
  profile: "reconfiguration",
  seed: 2694,
};
