/** Deliberately broken: messages leave before what they rest on is durable. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "append-acked-before-durable",
  breaks: "a crash loses acked entries (I5, I2)",
  file: "src/protocol/context/context.ts",
  find: `effects.unshift({ type: "persist", records: this.#records });
      this.#records = [];
    }`,
  replace: `}
    const records = this.#records;
    this.#records = [];`,
  more: [
    {
      file: "src/protocol/context/context.ts",
      find: `this.#outbox.clear();
    return effects;`,
      replace: `this.#outbox.clear();
    if (records.length > 0) effects.push({ type: "persist", records });
    return effects;`,
    },
  ],
  profile: "crashy",
  seed: 3,
};
