/**
 * Who runs what, as gossip has it: for people, clients and balancers, never for decisions. Merged by the
 * higher fence; a task that is not leased leaves the view, and a tombstone keeps late news of its lease out.
 */
import type { OwnershipChange } from "../protocol/model/contract.ts";
import { hashText } from "../protocol/context/ring.ts";
import type { NodeId } from "../protocol/model/types.ts";

/** Gossip that is late by more than this is mended by the digests. */
const TOMBSTONE_MS = 60_000;

interface Owned {
  readonly fence: number;
  readonly owner: NodeId;
  confirmedMs: number;
}

/** What two views of one partition must have in common. */
export interface Digest {
  readonly count: number;
  readonly hash: number;
}

class PartitionView {
  readonly owned: Map<string, Owned> = new Map();
  hash = 0;
}

export class OwnershipView {
  readonly #partitions: Map<number, PartitionView> = new Map();
  readonly #tombstones: Map<string, { readonly fence: number; readonly atMs: number }> = new Map();
  readonly #countByOwner: Map<NodeId, number> = new Map();

  /** Tasks that the node runs. */
  countOf(owner: NodeId): number {
    return this.#countByOwner.get(owner) ?? 0;
  }

  digestOf(p: number): Digest {
    const view = this.#partitions.get(p);
    return { count: view?.owned.size ?? 0, hash: view?.hash ?? 0 };
  }

  /** Merges what was heard; returns what is news. */
  merge(p: number, changes: readonly OwnershipChange[], nowMs: number): OwnershipChange[] {
    const news: OwnershipChange[] = [];
    for (const change of changes) {
      const isNews = change.state === "leased" && change.owner !== ""
        ? this.#own(p, change, nowMs)
        : this.#disown(p, change, nowMs);
      if (isNews) news.push(change);
    }
    return news;
  }

  /** The whole of a partition, read through its log: what is not in it is not leased. */
  replace(p: number, leased: readonly OwnershipChange[], nowMs: number): OwnershipChange[] {
    const ids = new Set(leased.map((change) => change.id));
    const gone: OwnershipChange[] = [];
    for (const [id, { fence }] of this.#partitions.get(p)?.owned ?? []) {
      if (!ids.has(id)) gone.push({ id, fence, state: "pending", owner: "" });
    }
    return [...this.merge(p, gone, nowMs), ...this.merge(p, leased, nowMs)];
  }

  /** What was not confirmed since then: left over from an earlier steward. */
  unconfirmed(p: number, sinceMs: number): OwnershipChange[] {
    const stale: OwnershipChange[] = [];
    for (const [id, { fence, confirmedMs }] of this.#partitions.get(p)?.owned ?? []) {
      if (confirmedMs < sinceMs) stale.push({ id, fence, state: "pending", owner: "" });
    }
    return stale;
  }

  /** Everything that is leased, for whoever begins to watch. */
  *all(): Iterable<OwnershipChange> {
    for (const { owned } of this.#partitions.values()) {
      for (const [id, { fence, owner }] of owned) yield { id, fence, state: "leased", owner };
    }
  }

  sweep(nowMs: number): void {
    for (const [id, { atMs }] of this.#tombstones) {
      if (nowMs - atMs < TOMBSTONE_MS) return;
      this.#tombstones.delete(id);
    }
  }

  #own(p: number, { id, fence, owner }: OwnershipChange, nowMs: number): boolean {
    if ((this.#tombstones.get(id)?.fence ?? -1) >= fence || owner === "") return false;
    let view = this.#partitions.get(p);
    if (!view) this.#partitions.set(p, view = new PartitionView());
    const known = view.owned.get(id);
    if (known && known.fence >= fence) {
      if (known.fence === fence) known.confirmedMs = nowMs;
      return false;
    }
    this.#remove(view, id);
    this.#tombstones.delete(id);
    view.owned.set(id, { fence, owner, confirmedMs: nowMs });
    view.hash ^= hashText(`${id}#${fence}`);
    this.#countByOwner.set(owner, this.countOf(owner) + 1);
    return true;
  }

  #disown(p: number, { id, fence }: OwnershipChange, nowMs: number): boolean {
    const view = this.#partitions.get(p);
    const known = view?.owned.get(id);
    if (known && known.fence > fence) return false;
    const tombstone = this.#tombstones.get(id);
    if (tombstone && tombstone.fence > fence) return false;
    this.#tombstones.delete(id);
    this.#tombstones.set(id, { fence, atMs: nowMs });
    if (view) this.#remove(view, id);
    return known !== undefined || tombstone === undefined || tombstone.fence < fence;
  }

  #remove(view: PartitionView, id: string): void {
    const known = view.owned.get(id);
    if (!known) return;
    view.owned.delete(id);
    view.hash ^= hashText(`${id}#${known.fence}`);
    const count = this.countOf(known.owner) - 1;
    if (count > 0) this.#countByOwner.set(known.owner, count);
    else this.#countByOwner.delete(known.owner);
  }
}
