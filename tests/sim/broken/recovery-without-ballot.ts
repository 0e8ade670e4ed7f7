/** Deliberately broken: a partition without any copy is recovered with a log end that has no ballot. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "recovery-without-ballot",
  breaks: "a recovery that throws after it promised success (X-threw)",
  file: "src/protocol/recovery.ts",
  find: "cfg: roster.epoch, end, state:",
  replace: "cfg: roster.epoch, end: best ? end : { ...end, ballot: null }, state:",
  profile: "recover",
  seed: 5,
};
