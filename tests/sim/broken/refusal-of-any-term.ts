/** Deliberately broken: a client believes a refusal of any term, though it has asked a later one since. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "refusal-of-any-term",
  breaks: "a command that was refused is carried out by the next steward (I6)",
  file: "src/protocol/client/requests.ts",
  find: "if (!isRecorded && !isSameBallot(ballot, command.sentTo)) return;",
  replace: "if (!isRecorded && !ballot) return;",
  more: [{
    file: "src/protocol/client/requests.ts",
    find: `if (status !== "created" && !isSameBallot(message.ballot, submit.sentTo)) continue;`,
    replace: `if (status !== "created" && !message.ballot) continue;`,
  }],
  profile: "answers",
  seed: 471,
};
