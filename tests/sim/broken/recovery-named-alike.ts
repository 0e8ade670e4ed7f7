/** Deliberately broken: two recoveries of one cluster make clusters of the same name. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "recovery-named-alike",
  breaks: "what both acked: the first to make an epoch has the other forget everything (I14)",
  file: "src/protocol/recovery.ts",
  find: "cluster: recoveredName(nonce, before.cluster),",
  replace: "cluster: recoveredName(String(epoch), before.cluster),",
  profile: "recover",
  seed: 10,
};
