/** Deliberately broken: the margin of an aborted handler is over when its lease is lost. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "margin-from-loss",
  breaks: "a handler whose signal aborted late is taken for stopped when its lease ends (I10)",
  file: "src/protocol/holder/lease-holder.ts",
  find: "const stoppedMs = (held.abortedMs ?? monoMs) + this.#context.options.marginMs;",
  replace: "const stoppedMs = held.abortedMs === null ? monoMs + this.#context.options.marginMs : monoMs;",
  profile: "executions",
  seed: 371,
};
