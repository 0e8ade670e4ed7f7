/**
 * Deliberately broken: who lost a lease in a partition that it wants no more does not report it to its
 * steward.
 */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "lapse-not-reported",
  breaks: "a lease stands for ever that its owner has given up (L1)",
  file: "src/protocol/holder/lease-holder.ts",
  find: "    session.owesAttach = true;\n    this.#context.topology.addDemanded(session.p);\n",
  replace: "",
  profile: "traps",
  seed: 53,
};
