/** Deliberately broken: a state counts as installed with its first chunk. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "snapshot-installed-early",
  breaks: "a keeper serves with tasks missing (I5, X)",
  file: "src/protocol/log/snapshot-transfer.ts",
  find: "return this.receivedBytes === this.bytes.length;",
  replace: "return this.receivedBytes > 0;",
  profile: "snapshots",
  seed: 2,
};
