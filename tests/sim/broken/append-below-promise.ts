/** Deliberately broken: a keeper takes appends of a ballot below its promise. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "append-below-promise",
  breaks: "a deposed steward goes on choosing (I2, I5)",
  file: "src/protocol/log/keeper.ts",
  find: `if (order < 0) {
      this.#context.send(from, { type: "refuse"`,
  replace: `if (order < -1_000_000) {
      this.#context.send(from, { type: "refuse"`,
  profile: "general",
  seed: 65,
};
