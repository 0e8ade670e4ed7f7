/**
 * Deliberately broken: a watcher believes "there is no such task" at once, though it may answer an older
 * question.
 */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "unknown-believed",
  breaks: "an acked task is denied (I6)",
  file: "src/protocol/client/requests.ts",
  find: `else if (outcome.state === "unknown") this.#doubt(outcome, watch);`,
  replace: `else if (watch.p < -1) this.#doubt(outcome, watch);`,
  more: [
    {
      file: "src/protocol/steward/client-service.ts",
      find: `this.#term.whenConfirmed(() => {
      this.#addWatcher`,
      replace: `this.#term.whenChosen(record ? replica.lastIndex : 0, () => {
      this.#addWatcher`,
    },
  ],
  profile: "partitions",
  seed: 43,
};
