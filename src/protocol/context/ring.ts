/**
 * The consistent-hash ring: which members keep a partition, and in which order the members are asked to run a
 * task. Virtual nodes after Karger et al. 1997; the hash is FNV-1a with murmur3's finaliser.
 */
import type { Configuration, Member, MemberNo } from "../model/types.ts";

const VIRTUAL_NODES = 64;
/** Positions of the ring. */
const CIRCLE = 2 ** 32;

/** 32-bit hash of a text, the same on every runtime. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    h = Math.imul(h ^ (code & 0xff), 0x01000193);
    if (code > 0xff) h = Math.imul(h ^ (code >>> 8), 0x01000193);
  }
  return mix(h);
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function partitionOf(id: string, partitionCount: number): number {
  return hashText(id) % partitionCount;
}

/** Members' virtual nodes in ring order. */
export class Ring {
  readonly #positions: number[] = [];
  readonly #owners: MemberNo[] = [];
  readonly #memberCount: number;

  constructor(members: readonly Pick<Member, "no" | "id">[]) {
    const points: { position: number; no: MemberNo }[] = [];
    for (const member of members) {
      for (let i = 0; i < VIRTUAL_NODES; i++) {
        points.push({ position: hashText(`${member.id}#${i}`), no: member.no });
      }
    }
    points.sort((a, b) => a.position - b.position || a.no - b.no);
    for (const point of points) {
      this.#positions.push(point.position);
      this.#owners.push(point.no);
    }
    this.#memberCount = members.length;
  }

  /**
   * The distinct members clockwise from `position`, at most `limit`, until `accept` says that it has enough.
   */
  walk(position: number, accept: (no: MemberNo) => boolean): void {
    const size = this.#owners.length;
    let at = this.#indexAfter(position);
    const seen: MemberNo[] = [];
    for (let i = 0; i < size && seen.length < this.#memberCount; i++, at++) {
      const no = this.#owners[at === size ? at = 0 : at]!;
      if (seen.includes(no)) continue;
      seen.push(no);
      if (accept(no)) return;
    }
  }

  /** Each member's part of the circle: of the positions from which a walk comes to it first. */
  shares(): ReadonlyMap<MemberNo, number> {
    const shares: Map<MemberNo, number> = new Map();
    let before = (this.#positions.at(-1) ?? 0) - CIRCLE;
    this.#positions.forEach((position, at) => {
      const no = this.#owners[at]!;
      shares.set(no, (shares.get(no) ?? 0) + (position - before) / CIRCLE);
      before = position;
    });
    return shares;
  }

  #indexAfter(position: number): number {
    let low = 0;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#positions[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return low === this.#positions.length ? 0 : low;
  }
}

const ringByMembers: WeakMap<readonly Member[], Ring> = new WeakMap();

/** The ring of those members that run tasks; made once for each list. */
export function ringOf(members: readonly Member[]): Ring {
  let ring = ringByMembers.get(members);
  if (!ring) ringByMembers.set(members, ring = new Ring(members.filter((member) => !member.witness)));
  return ring;
}

/** Where a task stands on the ring: independent of its partition. */
export function ringPosition(id: string): number {
  return mix(hashText(id) ^ 0x9e3779b9);
}

/**
 * A configuration of every partition: `min(replication, members)` distinct members clockwise, in zones that
 * differ as long as there are some.
 */
export function assignKeepers(
  members: readonly Member[],
  shape: { readonly partitionCount: number; readonly replication: number; readonly epoch: number },
): Configuration[][] {
  const ring = new Ring(members);
  const wanted = Math.min(shape.replication, members.length);
  const zoneOf = new Map(members.map(({ no, labels }) => [no, labels["zone"]]));
  const zoneCount = new Set([...zoneOf.values()].filter((zone) => zone !== undefined)).size;
  const chains: Configuration[][] = [];
  for (let p = 0; p < shape.partitionCount; p++) {
    const keepers: MemberNo[] = [];
    const rest: MemberNo[] = [];
    const zones: Set<string> = new Set();
    ring.walk(hashText(`partition ${p}`), (no) => {
      const zone = zoneOf.get(no);
      if (zone !== undefined && zones.has(zone) && zones.size < zoneCount) rest.push(no);
      else {
        keepers.push(no);
        if (zone !== undefined) zones.add(zone);
      }
      if (zones.size === zoneCount) keepers.push(...rest.splice(0, wanted - keepers.length));
      return keepers.length >= wanted;
    });
    keepers.push(...rest.slice(0, wanted - keepers.length));
    chains.push([{ epoch: shape.epoch, keepers }]);
  }
  return chains;
}
