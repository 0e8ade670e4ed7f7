/** Deliberately broken: a settlement is checked by task only, not by fence. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "settle-by-id-only",
  breaks: "a stale owner completes the task of another (I3)",
  file: "src/protocol/steward/steward.ts",
  find: `return record?.state === "leased" && record.fence === fence;`,
  replace: `return record?.state === "leased" && fence > 0;`,
  more: [
    {
      file: "src/protocol/state/partition-tasks.ts",
      find: `if (!before || before.state !== "leased" || before.fence !== op.fence) return null;`,
      replace: `if (!before || before.state !== "leased") return null;`,
    },
    {
      file: "src/protocol/steward/steward.ts",
      find: "if (this.isCurrent(record, fence) && record!.session!.node === from) {",
      replace: "if (this.isCurrent(record, fence)) {",
    },
  ],
  profile: "stale",
  seed: 2,
};
