/** Deliberately broken: what was held back is as long ago as the log says when the time has caught up. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "held-back-time-believed",
  breaks: "a repeat of a submit runs again, though its task ended after it was first sent (I6)",
  file: "src/protocol/log/cluster-time.ts",
  find: "return this.#floor.sinceMs(timeMs, this.nowMs, worstMs);",
  replace: "return this.nowMs - timeMs;",
  profile: "traps",
  seed: 35,
};
