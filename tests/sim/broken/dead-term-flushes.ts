/** Deliberately broken: a steward deposed in the middle of a step answers what waited at its end. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "dead-term-flushes",
  breaks: "it acks what was cut (I6)",
  file: "src/protocol/log/term.ts",
  find: `this.#waiters.length = 0;
    this.#waitersHead = 0;
    this.#context.dirty.delete(this);
    this.#office.end();`,
  replace: "this.#office.end();",
  profile: "partitions",
  seed: 38,
};
