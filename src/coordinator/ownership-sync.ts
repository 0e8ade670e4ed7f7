/**
 * Keeps the ownership view: publishes what this node stewards, merges what others publish, and mends what
 * got lost. A steward sums up its partitions every thirty seconds, and ten seconds after the last time when
 * there is news. Whoever sees something else, and does not hear the missing news soon, reads the partition
 * through its log.
 */
import type { OwnershipChange } from "../protocol/model/contract.ts";
import type { NodeId } from "../protocol/model/types.ts";
import { type Environment, systemEnvironment } from "../base/environment.ts";
import {
  decodeDigests,
  decodeOwnership,
  encodeDigests,
  encodeOwnership,
  type OwnershipNews,
} from "./gossip-codec.ts";
import { type Digest, OwnershipView } from "./ownership-view.ts";
import type { GossipTopic } from "./transport.ts";

const DIGEST_EVERY_MS = 30_000;
/** Since the last one, when there was news. */
const DIGEST_AFTER_NEWS_MS = 10_000;
/** After this time in a new term its steward has announced all of its tasks. */
const TERM_SETTLED_MS = 3000;
/** News that is on its way may explain a difference. */
const REPAIR_AFTER_MS = 1500;

interface Stewardship {
  readonly node: NodeId;
  readonly sinceMs: number;
  /** What an earlier steward left over was looked for. */
  isSettled: boolean;
}

export interface OwnershipSyncOptions {
  readonly self: NodeId;
  /** @default the system's */
  readonly environment?: Environment;
  readonly publish: (topic: GossipTopic, data: Uint8Array) => void;
  /** The leased tasks of a partition, through its log. */
  readonly readLeased: (p: number) => Promise<readonly OwnershipChange[]>;
  readonly onNews: (news: readonly OwnershipChange[]) => void;
}

export class OwnershipSync {
  readonly view: OwnershipView = new OwnershipView();
  readonly #options: OwnershipSyncOptions;
  readonly #stewardOf: Map<number, Stewardship> = new Map();
  /** Differences that were seen: what this node's view was then. */
  readonly #suspects: Map<number, { readonly own: Digest; readonly atMs: number }> = new Map();
  readonly #repairing: Set<number> = new Set();
  #outgoing: OwnershipNews[] = [];
  #digestMs = 0;
  /** Not in a digest yet. */
  #hasNews = false;

  constructor(options: OwnershipSyncOptions) {
    this.#options = options;
  }

  stewardIs(p: number, node: NodeId, nowMs: number): void {
    this.#stewardOf.set(p, { node, sinceMs: nowMs, isSettled: false });
    this.#hasNews = true;
    this.#suspects.delete(p);
  }

  /** News of a partition that this node stewards. */
  own(p: number, changes: readonly OwnershipChange[], nowMs: number): void {
    this.#merge(p, changes, nowMs);
    this.#outgoing.push({ p, changes });
    this.#hasNews = true;
  }

  /** Publishes what has gathered: once a turn. */
  flush(): void {
    if (this.#outgoing.length === 0) return;
    for (const data of encodeOwnership(this.#outgoing)) this.#options.publish("ownership", data);
    this.#outgoing = [];
  }

  /** False when the message makes no sense. */
  onOwnership(data: Uint8Array, nowMs: number): boolean {
    const news = decodeOwnership(data);
    for (const { p, changes } of news ?? []) this.#merge(p, changes, nowMs);
    return news !== undefined;
  }

  /** False when the message makes no sense. */
  onDigests(from: NodeId, data: Uint8Array, nowMs: number): boolean {
    const digests = decodeDigests(data);
    if (!digests) return false;
    for (const [p, digest] of digests) {
      if (this.#stewardOf.get(p)?.node !== from) continue;
      const own = this.view.digestOf(p);
      if (isSame(own, digest)) this.#suspects.delete(p);
      else if (!this.#suspects.has(p)) this.#suspects.set(p, { own, atMs: nowMs });
    }
    return true;
  }

  tick(nowMs: number): void {
    this.view.sweep(nowMs);
    for (const [p, { own, atMs }] of this.#suspects) {
      if (nowMs - atMs < REPAIR_AFTER_MS) continue;
      this.#suspects.delete(p);
      if (isSame(own, this.view.digestOf(p))) void this.#repair(p);
    }
    if (nowMs - this.#digestMs < (this.#hasNews ? DIGEST_AFTER_NEWS_MS : DIGEST_EVERY_MS)) return;
    this.#digestMs = nowMs;
    this.#hasNews = false;
    const digests: Map<number, Digest> = new Map();
    for (const [p, stewardship] of this.#stewardOf) {
      const { node, sinceMs } = stewardship;
      if (node !== this.#options.self) continue;
      if (nowMs - sinceMs < TERM_SETTLED_MS) {
        this.#hasNews = true;
        continue;
      }
      if (!stewardship.isSettled) {
        stewardship.isSettled = true;
        const stale = this.view.unconfirmed(p, sinceMs);
        if (stale.length > 0) this.own(p, stale, nowMs);
      }
      digests.set(p, this.view.digestOf(p));
    }
    this.flush();
    if (digests.size > 0) this.#options.publish("digest", encodeDigests(digests));
  }

  #merge(p: number, changes: readonly OwnershipChange[], nowMs: number): void {
    const news = this.view.merge(p, changes, nowMs);
    if (news.length > 0) this.#options.onNews(news);
  }

  async #repair(p: number): Promise<void> {
    if (this.#repairing.has(p)) return;
    this.#repairing.add(p);
    try {
      const leased = await this.#options.readLeased(p);
      const { environment = systemEnvironment, onNews } = this.#options;
      const news = this.view.replace(p, leased, environment.monoMs());
      if (news.length > 0) onNews(news);
    } catch {
      // without a quorum there is nothing to read; the next digest asks again
    } finally {
      this.#repairing.delete(p);
    }
  }
}

function isSame(a: Digest, b: Digest): boolean {
  return a.count === b.count && a.hash === b.hash;
}
