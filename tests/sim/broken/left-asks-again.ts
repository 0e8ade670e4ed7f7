/** Deliberately broken: a node forgets that it wanted to leave as soon as it is out. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "left-asks-again",
  breaks: "who has left is let in again (I18)",
  file: "src/protocol/roster/membership.ts",
  find: `  reset(): void {
    this.#active.clear();`,
  replace: `  reset(): void {
    this.#leaving = null;
    this.#active.clear();`,
  profile: "departures",
  seed: 1,
};
