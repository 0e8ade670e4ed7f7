/** Deliberately broken: the next roster makes a node forget that it must report a lease that it lost. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "lapse-report-dropped",
  breaks: "a lease stands for ever that its owner gave up just before the next roster (L1)",
  file: "src/protocol/holder/lease-holder.ts",
  find: "if (owesAttach) this.#context.topology.addDemanded(p);",
  replace: "if (owesAttach) this.#context.topology.wants(p);",
  profile: "traps",
  seed: 59,
};
