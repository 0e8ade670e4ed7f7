/** Deliberately broken: a client believes a refusal of a term before the one that it asked last. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "older-refusal-believed",
  breaks: "a command that was refused is carried out (I6)",
  file: "src/protocol/client/requests.ts",
  find: "if (!isRecorded && !isSameBallot(ballot, command.sentTo)) return;",
  replace: "if (!isRecorded && !isSameBallot(ballot, ballot)) return;",
  profile: "answers",
  seed: 2457,
};
