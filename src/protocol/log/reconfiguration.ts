/**
 * How a new configuration takes over a partition (Vertical Paxos: read and seal the old ones before the new
 * one acts). The candidate seals the earlier configurations of the chain. One of them is the base when a
 * majority of it is sealed and holds a whole copy, and every later one is known to be without a copy for
 * ever: because a majority of it is sealed without one, or because it never sealed a majority of the base
 * and, sealed by a newer one, the base refuses it now. The best copy among the sealed holds all that was
 * chosen.
 */
import type { Context } from "../context/context.ts";
import { compareLogEnds, isSameBallot, majorityOf } from "../model/ballot.ts";
import type { CopyChunkMessage, FetchCopyMessage, SealedMessage, SealMessage } from "../model/messages.ts";
import type { Ballot, Configuration, LogEnd, MemberNo, SealedCopy } from "../model/types.ts";
import { decodeCopy, encodeCopy } from "../wire/snapshots.ts";
import type { Replica } from "./replica.ts";
import { IncomingChunks } from "./snapshot-transfer.ts";

/** This node's keeper of an earlier configuration. */
export interface EarlierKeeper {
  readonly cfg: number;
  readonly isInstalled: boolean;
  readonly isSteward: boolean;
  readonly replica: Replica;
}

/** Where a keeper stands: its partition, its configuration, and those before. */
export interface Place {
  readonly p: number;
  /** The partition's configurations up to this one, which is the last. */
  readonly chain: readonly Configuration[];
  /** This node's keepers of the earlier ones, newest first. */
  readonly predecessors: () => Iterable<EarlierKeeper>;
  /** Not too many partitions at once are taken over: what still waits goes on serving as before. */
  readonly mayStand: () => boolean;
}

/** The keeper that takes over. */
export interface Successor {
  readonly p: number;
  readonly place: Place;
  adopt(copy: SealedCopy): void;
}

interface Predecessor {
  readonly configuration: Configuration;
  readonly sealed: Map<MemberNo, SealedMessage>;
}

export class Reconfiguration {
  isDone = false;
  readonly #context: Context;
  readonly #keeper: Successor;
  readonly #ballot: Ballot;
  /** Newest last. */
  readonly #predecessors: readonly Predecessor[];
  /** Whose copy is being fetched. */
  #source: { readonly no: MemberNo; readonly cfg: number } | null = null;
  #incoming: IncomingChunks | null = null;

  constructor(context: Context, keeper: Successor, ballot: Ballot) {
    this.#context = context;
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
    if (this.#source && !this.#context.isConnected(this.#source.no)) {
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
        if (!sealed.has(no)) this.#context.send(no, { type: "seal", p, cfg, ballot: this.#ballot });
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
    const inTouch = [...sealed].filter(([no]) => this.#context.isConnected(no));
    if (inTouch.length < this.sealQuorum(configuration.keepers.length)) return;
    let best: { no: MemberNo; message: SealedMessage } | null = null;
    for (const [no, message] of inTouch) {
      if (!message.isInstalled) continue;
      const order = best ? compareLogEnds(message.end, best.message.end) : 1;
      // of equals this node itself, if it is one
      if (order > 0 || (order === 0 && no === this.#context.self)) best = { no, message };
    }
    if (!best) return;
    this.#source = { no: best.no, cfg: best.message.cfg };
    if (best.no === this.#context.self) this.#takeOwn();
    else this.#fetch();
  }

  #takeOwn(): void {
    for (const old of this.#keeper.place.predecessors()) {
      if (old.cfg === this.#source!.cfg) this.#adopt(old.replica.copy());
    }
  }

  #fetch(): void {
    const { p } = this.#keeper;
    const { no, cfg } = this.#source!;
    const offset = this.#incoming?.receivedBytes ?? 0;
    this.#context.send(no, { type: "fetchCopy", p, cfg, ballot: this.#ballot, offset });
  }

  onCopyChunk(from: MemberNo, message: CopyChunkMessage): void {
    if (this.isDone || from !== this.#source?.no || message.cfg !== this.#source.cfg) return;
    if (!isSameBallot(message.ballot, this.#ballot)) return;
    if (!this.#incoming?.isOf(message)) this.#incoming = new IncomingChunks(message);
    const before = this.#incoming.receivedBytes;
    const now = this.#incoming.take(message);
    if (!this.#incoming.isComplete) {
      // a repeated chunk starts no second chain; tick() asks again for what got lost
      if (now > before) this.#fetch();
      return;
    }
    const copy = this.#decode(from, this.#incoming.bytes);
    this.#incoming = null;
    if (copy) this.#adopt(copy);
  }

  #decode(from: MemberNo, bytes: Uint8Array): SealedCopy | null {
    try {
      return decodeCopy(bytes);
    } catch (error) {
      const reason = `a copy that is none: ${(error as Error).message}`;
      this.#context.event({ type: "rejected", from: this.#context.memberByNo.get(from)!.id, reason });
      return null;
    }
  }

  #adopt(copy: SealedCopy): void {
    this.#keeper.adopt(copy);
    this.isDone = true;
  }
}

/** A sealed copy on its way to those who take over: encoded once, it does not change any more. */
export class OutgoingCopy {
  readonly #end: LogEnd;
  readonly #bytes: Uint8Array;

  constructor(copy: SealedCopy) {
    this.#end = copy.end;
    this.#bytes = encodeCopy(copy);
  }

  /** One chunk; from the start when there is nothing at `offset`. */
  chunk(
    wanted: number,
    bytesMax: number,
  ): { end: LogEnd; offset: number; totalBytes: number; data: Uint8Array } {
    const offset = wanted < this.#bytes.length ? wanted : 0;
    const data = this.#bytes.subarray(offset, offset + bytesMax);
    return { end: this.#end, offset, totalBytes: this.#bytes.length, data };
  }
}

// ---- the end of a configuration ---------------------------------------------------------------------------
// The end of a configuration at one of its keepers: the promise that nothing is chosen here any more, given
// to a newer configuration that takes over, and the copy that is handed to it.

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
  readonly #context: Context;
  readonly #keeper: Sealable;
  #outgoing: OutgoingCopy | null = null;

  constructor(context: Context, keeper: Sealable) {
    this.#context = context;
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
    this.#context.send(from, { type: "sealed", p, cfg, ballot, isInstalled, by, end: replica.end });
    return true;
  }

  #close(by: number): void {
    const { p, cfg, election } = this.#keeper;
    this.by = [...this.by, by];
    this.#context.persist({ type: "seal", p, cfg, by: this.by });
    election.withdraw();
  }

  /** One chunk of the copy: the log does not change any more. */
  hand(to: MemberNo, { p, cfg, ballot, offset }: FetchCopyMessage): void {
    this.#outgoing ??= new OutgoingCopy(this.#keeper.replica.copy());
    const chunk = this.#outgoing.chunk(offset, this.#context.options.snapshotChunkBytes);
    this.#context.send(to, { type: "copyChunk", p, cfg, ballot, ...chunk });
  }
}
