/** Deliberately broken: tasks are leased whatever the time. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "start-after-expiry",
  breaks: "something starts when its time is over (I16)",
  file: "src/protocol/state/partition-tasks.ts",
  find: "if (this.isCondemned(op.session) || isOver(before, op.atMs)) return null;",
  replace: "if (this.isCondemned(op.session)) return null;",
  more: [
    {
      file: "src/protocol/steward/steward.ts",
      find: `    if (isOver(record, this.timeMs)) return null;
`,
      replace: "",
    },
  ],
  profile: "expiry",
  seed: 4,
};
