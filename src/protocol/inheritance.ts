/**
 * How a new configuration takes over a partition (Vertical Paxos: read and seal the old ones before the new
 * one acts). The candidate seals the earlier configurations of the chain. One of them is the base when a
 * majority of it is sealed and holds a whole copy, and every later one is known to be without a copy for
 * ever: because a majority of it is sealed without one, or because it never sealed a majority of the base
 * and, sealed by a newer one, the base refuses it now. The best copy among the sealed holds all that was
 * chosen.
 */
import { compareLogEnds, isSameBallot, majorityOf } from "./ballot.ts";
import type { Core } from "./core.ts";
import { decodeImage, type Image } from "./image-codec.ts";
import { IncomingPieces } from "./incoming-pieces.ts";
import type { ImageMessage, SealedMessage } from "./messages-log.ts";
import type { Place } from "./place.ts";
import type { Ballot, Configuration, MemberNo } from "./types.ts";

/** The keeper that takes over. */
export interface Heir {
  readonly p: number;
  readonly place: Place;
  adopt(image: Image): void;
}

interface Predecessor {
  readonly configuration: Configuration;
  readonly sealed: Map<MemberNo, SealedMessage>;
}

export class Inheritance {
  isDone = false;
  readonly #core: Core;
  readonly #keeper: Heir;
  readonly #ballot: Ballot;
  /** Newest last. */
  readonly #predecessors: readonly Predecessor[];
  /** Whose copy is being fetched. */
  #source: { readonly no: MemberNo; readonly cfg: number } | null = null;
  #incoming: IncomingPieces | null = null;

  constructor(core: Core, keeper: Heir, ballot: Ballot) {
    this.#core = core;
    this.#keeper = keeper;
    this.#ballot = ballot;
    this.#predecessors = keeper.place.chain.slice(0, -1).map((configuration) => ({
      configuration,
      sealed: new Map(),
    }));
  }

  begin(): void {
    this.#seal();
  }

  /** What got no answer goes again. */
  tick(): void {
    if (this.#source && !this.#core.isConnected(this.#source.no)) {
      this.#source = null;
      this.#incoming = null;
    }
    if (this.#source) this.#fetch();
    else {
      this.#seal();
      this.#choose();
    }
  }

  #seal(): void {
    const { p } = this.#keeper;
    for (const { configuration: { epoch: cfg, keepers }, sealed } of this.#predecessors) {
      for (const no of keepers) {
        if (!sealed.has(no)) this.#core.send(no, { type: "seal", p, cfg, ballot: this.#ballot });
      }
    }
  }

  onSealed(from: MemberNo, message: SealedMessage): void {
    if (!isSameBallot(message.ballot, this.#ballot)) return;
    const of = this.#predecessors.find(({ configuration }) => configuration.epoch === message.cfg);
    if (!of?.configuration.keepers.includes(from)) return;
    of.sealed.set(from, message);
    if (this.#source === null && !this.isDone) this.#choose();
  }

  /** As many as it takes for one of them to be in every majority that ever chose something. */
  sealQuorum(count: number): number {
    return majorityOf(count);
  }

  #isSealed({ configuration, sealed }: Predecessor): boolean {
    return sealed.size >= this.sealQuorum(configuration.keepers.length);
  }

  #choose(): void {
    const later: Predecessor[] = [];
    for (const predecessor of this.#predecessors.toReversed()) {
      const answers = [...predecessor.sealed.values()];
      const isBase = this.#isSealed(predecessor) && answers.some(({ isInstalled }) => isInstalled);
      if (isBase) {
        const by = new Set(answers.flatMap((answer) => answer.by));
        if (later.every((other) => this.isWithoutCopy(other, by))) return this.#take(predecessor);
      }
      later.push(predecessor);
    }
  }

  /** `by`: the configurations that had sealed some of the base before. */
  isWithoutCopy(predecessor: Predecessor, by: ReadonlySet<number>): boolean {
    if (!by.has(predecessor.configuration.epoch)) return true;
    return this.#isSealed(predecessor) &&
      [...predecessor.sealed.values()].every(({ isInstalled }) => !isInstalled);
  }

  /** The best copy of any sealed majority will do: of one that is in touch. */
  #take({ configuration, sealed }: Predecessor): void {
    const inTouch = [...sealed].filter(([no]) => this.#core.isConnected(no));
    if (inTouch.length < this.sealQuorum(configuration.keepers.length)) return;
    let best: { no: MemberNo; message: SealedMessage } | null = null;
    for (const [no, message] of inTouch) {
      if (!message.isInstalled) continue;
      const order = best ? compareLogEnds(message.end, best.message.end) : 1;
      // of equals this node itself, if it is one
      if (order > 0 || (order === 0 && no === this.#core.self)) best = { no, message };
    }
    if (!best) return;
    this.#source = { no: best.no, cfg: best.message.cfg };
    if (best.no === this.#core.self) this.#takeOwn();
    else this.#fetch();
  }

  #takeOwn(): void {
    for (const old of this.#keeper.place.predecessors()) {
      if (old.cfg === this.#source!.cfg) this.#adopt(old.replica.image());
    }
  }

  #fetch(): void {
    const { p } = this.#keeper;
    const { no, cfg } = this.#source!;
    const offset = this.#incoming?.receivedBytes ?? 0;
    this.#core.send(no, { type: "inherit", p, cfg, ballot: this.#ballot, offset });
  }

  onImage(from: MemberNo, message: ImageMessage): void {
    if (this.isDone || from !== this.#source?.no || message.cfg !== this.#source.cfg) return;
    if (!isSameBallot(message.ballot, this.#ballot)) return;
    if (!this.#incoming?.isOf(message)) this.#incoming = new IncomingPieces(message);
    const before = this.#incoming.receivedBytes;
    const now = this.#incoming.take(message);
    if (!this.#incoming.isComplete) {
      // a repeated piece starts no second chain; tick() asks again for what got lost
      if (now > before) this.#fetch();
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
