/** Deliberately broken: a keeper goes on vouching for a session that it has appended a CONDEMN for. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "vouch-for-condemned",
  breaks: "the wait before the REVERT has no end that it could count from (I1)",
  file: "src/protocol/heartbeats.ts",
  find: "if (entry && replica.tasks.isCondemned({ node, boot, n })) {",
  replace: "if (entry && replica.tasks.isCondemned({ node, boot, n: n + 1_000_000 })) {",
  profile: "stale",
  seed: 20,
};
