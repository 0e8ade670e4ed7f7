/** Deliberately broken: a restarted keeper takes everybody for silent since for ever. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "silent-since-for-ever",
  breaks: "a session is reverted while its lease is valid (I1)",
  file: "src/protocol/context/liveness.ts",
  find: "this.#silenceFloorMs = this.#context.clock.monoMs;",
  replace: "this.#silenceFloorMs = -1e12;",
  more: [
    {
      file: "src/protocol/log/keeper.ts",
      find: "return this.isInstalled ? this.installedAtMs : this.#context.clock.monoMs;",
      replace: "return -1e12;",
    },
  ],
  profile: "general",
  seed: 53,
};
