/** Streams to other nodes that open, close, or take no bulk for a while: who has to know of it. */
import type { Input } from "./api.ts";
import type { Beats } from "./beats.ts";
import type { Parts } from "./parts.ts";
import type { MemberNo } from "./types.ts";

export class Connections {
  readonly #parts: Parts;
  readonly #beats: Beats;

  constructor(parts: Parts, beats: Beats) {
    this.#parts = parts;
    this.#beats = beats;
  }

  congested({ node, on }: Extract<Input, { readonly type: "congested" }>): void {
    const { core, keepers } = this.#parts;
    const no = core.noOf(node);
    if (on) core.congested.add(no);
    else if (core.congested.delete(no)) {
      for (const { reign } of keepers.all) if (reign) core.dirty.add(reign);
    }
  }

  peer(input: Extract<Input, { readonly type: "peer" }>): void {
    const { node, up, candidate } = input;
    const { core, founding, membership, worker, requests } = this.#parts;
    const no = core.noOf(node);
    if (!up) return this.#down(node, no);
    core.connected.add(node);
    core.congested.delete(no);
    if (candidate) founding.seen(node, candidate);
    if (core.roster) {
      if (no >= 0) core.sendToId(node, this.#beats.message());
      else membership.greet(node);
    }
    if (no < 0) return;
    worker.onPeerUp(no);
    core.roster!.chains.forEach((_, p) => {
      if (worker.reignOf(p)?.node === no) requests.stewardMoved(p);
    });
  }

  #down(node: string, no: MemberNo): void {
    const { core, dispatcher, credit, worker, keepers } = this.#parts;
    core.connected.delete(node);
    core.congested.delete(no);
    if (no < 0) return;
    dispatcher.forget(no);
    credit.close(no);
    worker.onPeerDown(no);
    for (const keeper of keepers.all) {
      if (worker.reignOf(keeper.p)?.node === no) keeper.stewardGone();
    }
  }
}
