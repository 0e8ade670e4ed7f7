/** Deliberately broken: vouches of several configurations make a majority together. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "vouches-added-up",
  breaks: "leases without a majority in any configuration (I1)",
  file: "src/protocol/worker.ts",
  find:
    "leaseEnd(_session: WorkerSession, { vouchedMs }: Vouchers): number {\n    return majorityReached(vouchedMs) + this.#core.options.leaseTtlMs;",
  replace:
    "leaseEnd(session: WorkerSession, newest: Vouchers): number {\n    const byNo: Map<number, number> = new Map();\n    for (const { keepers, vouchedMs } of session.vouchers) {\n      keepers.forEach((no, at) => byNo.set(no, Math.max(byNo.get(no) ?? -Infinity, vouchedMs[at]!)));\n    }\n    const all = [...byNo.values()].sort((a, b) => b - a);\n    return all[Math.floor(newest.keepers.length / 2)]! + this.#core.options.leaseTtlMs;",
  profile: "reconfiguration",
  seed: 459,
};
