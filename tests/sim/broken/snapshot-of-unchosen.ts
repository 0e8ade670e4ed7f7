/** Deliberately broken: a snapshot contains entries that are not chosen yet. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "snapshot-of-unchosen",
  breaks: "what is cut later stays in the state of a keeper (I5, I3)",
  file: "src/protocol/log/replica.ts",
  find: `this.cut(this.commit);
    const chosen`,
  replace: "const chosen",
  more: [
    {
      file: "src/protocol/log/replica.ts",
      find: "for (const entry of unchosen) this.append(entry);",
      replace: "if (unchosen.length < 0) this.cut(0);",
    },
    {
      file: "src/protocol/log/replica.ts",
      find: "const chosen = { end: this.end, state: this.tasks.toState() };",
      replace: `const end = { index: this.commit, ballot: this.ballotAt(this.commit) ?? null };
    const chosen = { end, state: this.tasks.toState() };`,
    },
  ],
  profile: "snapshots",
  seed: 11,
};
