/**
 * Whom a node is in touch with. In a small cluster everybody with everybody. In a large one (more members
 * than keep partitions) each node runs tasks of the partitions nearest to it only, and of those to which it
 * is asked for (steward/demand.ts), so that what it costs does not grow with the number of nodes: it sends
 * heartbeats to the keepers of those, and to the deciders.
 */
import type { Clock, EngineOptions } from "../model/contract.ts";
import { KEEPING_MEMBERS_MAX } from "../model/limits.ts";
import type { Member, MemberNo, Roster } from "../model/types.ts";
import { hashText } from "./ring.ts";

/** Partitions that a node of a large cluster runs tasks of: with 3 keepers each, 48 peers at most. */
const WANTED_COUNT = 16;

/** What it looks at. */
export interface TopologyView {
  readonly options: EngineOptions;
  readonly roster: Roster | null;
  readonly self: MemberNo;
  readonly clock: Clock;
  readonly memberByNo: ReadonlyMap<MemberNo, Member>;
  isConnected(no: MemberNo): boolean;
}

export class Topology {
  isLarge = false;
  readonly #context: TopologyView;
  readonly #wanted: Set<number> = new Set();
  /** Those of others for which this node was asked. */
  readonly #demanded: Set<number> = new Set();
  readonly #keepers: Set<MemberNo> = new Set();
  readonly #wantedByNo: Map<MemberNo, ReadonlySet<number>> = new Map();

  constructor(context: TopologyView) {
    this.#context = context;
  }

  adopted(): void {
    const { roster, options, self } = this.#context;
    this.isLarge = (roster?.members.length ?? 0) > (options.keepingMembersMax ?? KEEPING_MEMBERS_MAX);
    this.#wanted.clear();
    this.#demanded.clear();
    this.#keepers.clear();
    this.#wantedByNo.clear();
    if (!this.isLarge) return;
    for (const chain of roster!.chains) {
      for (const { keepers } of chain) for (const no of keepers) this.#keepers.add(no);
    }
    for (const no of roster!.deciders) this.#keepers.add(no);
    for (const p of nearest(options.self, options)) this.#wanted.add(p);
    this.#wantedByNo.set(self, this.#wanted);
  }

  /** Runs tasks of that partition. */
  wants(p: number): boolean {
    return !this.isLarge || this.#wanted.has(p) || this.#demanded.has(p);
  }

  /** Its steward has tasks for this node: until the next roster it is there for them, too. */
  addDemanded(p: number): void {
    this.#demanded.add(p);
  }

  keepersOf(partitions: Iterable<number>): ReadonlySet<MemberNo> {
    const keepers: Set<MemberNo> = new Set();
    for (const p of partitions) {
      for (const configuration of this.#context.roster!.chains[p]!) {
        for (const no of configuration.keepers) keepers.add(no);
      }
    }
    return keepers;
  }

  /** It hears of terms by the heartbeats that it gets; the others by the answers to theirs. */
  isKeeping(no: MemberNo): boolean {
    return !this.isLarge || this.#keepers.has(no);
  }

  /** The partitions that a member of a large cluster runs tasks of. */
  wantedBy(no: MemberNo): ReadonlySet<number> {
    let wanted = this.#wantedByNo.get(no);
    if (!wanted) {
      const member = this.#context.memberByNo.get(no);
      wanted = new Set(member ? nearest(member.id, this.#context.options) : []);
      this.#wantedByNo.set(no, wanted);
    }
    return wanted;
  }

  /** Who gets this node's heartbeats. `held`: partitions of which it holds leases. */
  heartbeatTargets(held: Iterable<number>): Iterable<MemberNo> {
    if (!this.isLarge) return this.#context.memberByNo.keys();
    const { roster, self } = this.#context;
    if (this.#keepers.has(self)) return this.#keepers;
    return new Set([
      ...roster!.deciders,
      self,
      ...this.keepersOf([...this.#wanted, ...this.#demanded, ...held]),
    ]);
  }

  /** A keeper of the partition, another one each time: it knows the steward. -1 = there is none in touch. */
  keeperToAsk(p: number): MemberNo {
    const { roster, clock, options } = this.#context;
    const keepers = roster?.chains[p]?.at(-1)?.keepers ?? [];
    const round = Math.floor(clock.monoMs / options.resendMs);
    for (let i = 0; i < keepers.length; i++) {
      const no = keepers[(round + i) % keepers.length]!;
      if (this.#context.isConnected(no)) return no;
    }
    return -1;
  }
}

/** Rendezvous hashing: the partitions whose hash with the id is highest. */
function nearest(
  id: string,
  { partitionCount, wantedCount = WANTED_COUNT }: EngineOptions,
): readonly number[] {
  const scored = Array.from({ length: partitionCount }, (_, p) => ({ p, score: hashText(`${id}/${p}`) }));
  scored.sort((a, b) => b.score - a.score || a.p - b.p);
  return scored.slice(0, wantedCount).map(({ p }) => p);
}
