/** Tells the host when this node can work: attached everywhere, and with a quorum for its leases. */
import type { Core } from "./core.ts";

export class Readiness {
  isReady = false;
  readonly #core: Core;
  #hasQuorum = false;

  constructor(core: Core) {
    this.#core = core;
  }

  reset(): void {
    this.isReady = false;
  }

  /** `leftMs`: until what runs here must stop, if no keeper vouches for it again. */
  note(isAttached: boolean, leftMs: number): void {
    const hasQuorum = leftMs > 0;
    if (leftMs < this.#core.options.heartbeatMs) this.#core.hurry();
    if (isAttached && hasQuorum && !this.isReady) {
      this.isReady = this.#hasQuorum = true;
      const { epoch, members } = this.#core.roster!;
      this.#core.event({ type: "ready", epoch, members: members.length });
    } else if (this.isReady && hasQuorum !== this.#hasQuorum) {
      this.#hasQuorum = hasQuorum;
      this.#core.event({ type: "quorum", held: hasQuorum });
    }
  }
}
