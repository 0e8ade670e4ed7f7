/** Deliberately broken: a client measures the age of a submit with its wall clock. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "client-clock-believed",
  breaks: "a new task is refused as too old after a client's wall clock jumped (I12; I6)",
  file: "src/protocol/client/requests.ts",
  find: "const firstSentMs = this.#context.clock.leaseMs - ageMs;",
  replace: "const firstSentMs = this.#context.clock.wallMs - ageMs;",
  more: [{
    file: "src/protocol/client/requests.ts",
    find: "batch.items.push({ ...item, ageMs: leaseMs - submit.firstSentMs });",
    replace:
      "batch.items.push({ ...item, ageMs: Math.max(0, this.#context.clock.wallMs - submit.firstSentMs) });",
  }],
  profile: "clocks",
  seed: 50,
};
