/**
 * How a new configuration takes over a partition (Vertical Paxos: read and seal the old one before the new
 * one acts). The candidate seals a majority of the configuration before; if none of that majority ever had a
 * whole copy, nothing was ever chosen there and the one before it decides. The best copy among the sealed is
 * the base: it holds all that was chosen.
 */
import { compareLogEnds, isSameBallot, majorityOf } from "./ballot.ts";
import type { Core } from "./core.ts";
import { decodeImage, type Image } from "./image-codec.ts";
import { IncomingPieces } from "./incoming-pieces.ts";
import type { Keeper } from "./keeper.ts";
import type { ImageMessage, SealedMessage } from "./messages-log.ts";
import type { Ballot, Configuration, LogEnd, MemberNo } from "./types.ts";

export class Inheritance {
  isDone = false;
  readonly #core: Core;
  readonly #keeper: Keeper;
  readonly #ballot: Ballot;
  /** Predecessors not sealed yet, newest last. */
  readonly #chain: Configuration[];
  readonly #sealed: Map<MemberNo, { readonly isInstalled: boolean; readonly end: LogEnd }> = new Map();
  #source: MemberNo | null = null;
  #incoming: IncomingPieces | null = null;

  constructor(core: Core, keeper: Keeper, ballot: Ballot) {
    this.#core = core;
    this.#keeper = keeper;
    this.#ballot = ballot;
    this.#chain = keeper.place.chain.slice(0, -1);
  }

  begin(): void {
    this.#askNext();
  }

  /** What got no answer goes again. */
  tick(): void {
    if (this.#source === null) this.#askNext();
    else if (this.#core.isConnected(this.#source)) this.#fetch(this.#source);
    else this.#choose();
  }

  get #before(): Configuration | undefined {
    return this.#chain.at(-1);
  }

  #askNext(): void {
    const before = this.#before;
    if (!before) return;
    const { p } = this.#keeper;
    for (const no of before.keepers) {
      if (this.#sealed.has(no)) continue;
      this.#core.send(no, { type: "seal", p, cfg: before.epoch, ballot: this.#ballot });
    }
  }

  onSealed(from: MemberNo, message: SealedMessage): void {
    const before = this.#before;
    if (!before || message.cfg !== before.epoch || !isSameBallot(message.ballot, this.#ballot)) return;
    if (!before.keepers.includes(from)) return;
    const { isInstalled, end } = message;
    this.#sealed.set(from, { isInstalled, end });
    if (this.#sealed.size >= this.sealQuorum(before.keepers.length) && this.#source === null) this.#choose();
  }

  /** As many as it takes for one of them to be in every majority that ever chose something. */
  sealQuorum(count: number): number {
    return majorityOf(count);
  }

  #choose(): void {
    this.#source = null;
    let best: { no: MemberNo; end: LogEnd } | null = null;
    for (const [no, { isInstalled, end }] of this.#sealed) {
      if (!isInstalled || (best && compareLogEnds(end, best.end) < 0)) continue;
      // of equals the nearest, which may be this node
      if (best && compareLogEnds(end, best.end) === 0 && no !== this.#core.self) continue;
      best = { no, end };
    }
    if (best) {
      this.#source = best.no;
      if (best.no === this.#core.self) this.#takeOwn();
      else this.#fetch(best.no);
      return;
    }
    // the oldest of a chain has served: its majority cannot be without a copy
    if (this.#chain.length === 1) return;
    this.#chain.pop();
    this.#sealed.clear();
    this.#askNext();
  }

  #takeOwn(): void {
    for (const old of this.#keeper.place.predecessors()) {
      if (old.cfg === this.#before!.epoch) this.#adopt(old.replica.image());
    }
  }

  #fetch(no: MemberNo): void {
    const { p } = this.#keeper;
    const cfg = this.#before!.epoch;
    const offset = this.#incoming?.receivedBytes ?? 0;
    this.#core.send(no, { type: "fetch", p, cfg, ballot: this.#ballot, offset });
  }

  onImage(from: MemberNo, message: ImageMessage): void {
    if (from !== this.#source || message.cfg !== this.#before?.epoch) return;
    if (!isSameBallot(message.ballot, this.#ballot) || this.isDone) return;
    if (!this.#incoming?.isOf(message)) this.#incoming = new IncomingPieces(message);
    const before = this.#incoming.receivedBytes;
    const now = this.#incoming.take(message);
    if (!this.#incoming.isComplete) {
      // a repeated piece starts no second chain; tick() asks again for what got lost
      if (now > before || message.offset > now) this.#fetch(from);
      return;
    }
    const image = this.#decode(from, this.#incoming.bytes);
    this.#incoming = null;
    if (image) this.#adopt(image);
  }

  #decode(from: MemberNo, bytes: Uint8Array): Image | null {
    try {
      return decodeImage(bytes);
    } catch (error) {
      const reason = `a copy that is none: ${(error as Error).message}`;
      this.#core.event({ type: "rejected", from: this.#core.memberByNo.get(from)!.id, reason });
      return null;
    }
  }

  #adopt(image: Image): void {
    this.#keeper.adopt(image);
    this.isDone = true;
  }
}
