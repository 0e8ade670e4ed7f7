/** Deliberately broken: "there is no such task" is said without asking a quorum. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "unknown-without-quorum",
  breaks: "a deposed steward denies an acked task (I6)",
  file: "src/protocol/inquiries.ts",
  find: `const index = record ? lastIndex : this.#reign.propose({ type: "noop" });`,
  replace: "const index = record ? lastIndex : 0;",
  profile: "partitions",
  seed: 1,
};
