/**
 * Deliberately broken: a lease counts from when the answer to the heartbeat came, not from when the heartbeat
 * was sent.
 */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "lease-from-ack",
  breaks: "a lease outlives the wait of the keepers (I1)",
  file: "src/protocol/holder/session.ts",
  find: "vouchers.vouchedMs[at] = sentMs;",
  replace: "vouchers.vouchedMs[at] = context.clock.leaseMs;",
  profile: "stale",
  seed: 356,
};
