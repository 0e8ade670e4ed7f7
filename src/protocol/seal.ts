/**
 * The end of a configuration at one of its keepers: the promise that nothing is chosen here any more, given
 * to a newer configuration that takes over, and the copy that is handed to it.
 */
import type { Core } from "./core.ts";
import type { InheritMessage, SealMessage } from "./messages-log.ts";
import type { Replica } from "./replica.ts";
import { OutgoingImage } from "./outgoing-image.ts";
import type { MemberNo } from "./types.ts";

/** The keeper whose configuration ends. */
export interface Sealable {
  readonly p: number;
  readonly cfg: number;
  readonly isInstalled: boolean;
  readonly replica: Replica;
  readonly election: { withdraw(): void };
}

export class Seal {
  /**
   * The newer configurations that take over, oldest first; none that is older than the last of them can any
   * more. Durable.
   */
  by: readonly number[] = [];
  readonly #core: Core;
  readonly #keeper: Sealable;
  #outgoing: OutgoingImage | null = null;

  constructor(core: Core, keeper: Sealable) {
    this.#core = core;
    this.#keeper = keeper;
  }

  /** Durable before the answer leaves: from now on nothing is chosen here that the answer does not show. */
  take(from: MemberNo, message: SealMessage): boolean {
    const { p, cfg, isInstalled, replica } = this.#keeper;
    const { ballot } = message;
    const last = this.by.at(-1) ?? 0;
    if (ballot.cfg < last || ballot.cfg <= cfg) return false;
    if (ballot.cfg > last) this.#close(ballot.cfg);
    const by = this.by.slice(0, -1);
    this.#core.send(from, { type: "sealed", p, cfg, ballot, isInstalled, by, end: replica.end });
    return true;
  }

  #close(by: number): void {
    const { p, cfg, election } = this.#keeper;
    this.by = [...this.by, by];
    this.#core.persist({ type: "seal", p, cfg, by: this.by });
    election.withdraw();
  }

  /** One piece of the copy: the log does not change any more. */
  hand(to: MemberNo, { p, cfg, ballot, offset }: InheritMessage): void {
    this.#outgoing ??= new OutgoingImage(this.#keeper.replica.image());
    const piece = this.#outgoing.piece(offset, this.#core.options.snapshotChunkBytes);
    this.#core.send(to, { type: "image", p, cfg, ballot, ...piece });
  }
}
