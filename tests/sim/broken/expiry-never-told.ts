/** Deliberately broken: nobody tells a holder that the time of its task is over. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "expiry-never-told",
  breaks: "a held task whose time is over runs on (L1)",
  file: "src/protocol/state/task-machine.ts",
  find:
    `  if (before.state !== "leased") return { ...carriedOut(before, { type: "expire" }, atMs), fence: no };
`,
  replace:
    `  if (before.state !== "leased") return { ...carriedOut(before, { type: "expire" }, atMs), fence: no };
  if (before.state === "leased") return before;
`,
  profile: "expiry",
  seed: 1,
};
