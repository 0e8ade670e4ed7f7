/** Deliberately broken: a command is answered before a quorum has it. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "command-acked-at-once",
  breaks: "an acked command is lost with its steward (I6)",
  file: "src/protocol/steward/command-delivery.ts",
  find: 'index = this.#term.propose({ type: "command", id, cid, message: message.message, atMs });',
  replace: 'this.#term.propose({ type: "command", id, cid, message: message.message, atMs });',
  profile: "commands",
  seed: 1,
};
