/** Deliberately broken: commands that wait when an attempt ends are forgotten. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "command-dropped-at-the-end",
  breaks: "an acked command is lost when the task is released or its owner dies (I6)",
  file: "src/protocol/state/task-machine.ts",
  find: "for (const { message } of commands.queued) now = carriedOut(now, message, atMs);",
  replace: "",
  profile: "commands",
  seed: 8,
};
