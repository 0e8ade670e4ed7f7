/**
 * Heartbeats, one per pair of nodes: they renew every session of the sender, keep its reigns known, and carry
 * the vouches back. Their number grows with nodes, never with tasks.
 */
import { compareBallots } from "./model/ballot.ts";
import type { Core } from "./context/context.ts";
import type { Keeper } from "./log/keeper.ts";
import type { BeatMessage, BeatReplyMessage, Reign } from "./model/messages.ts";
import type { Parts } from "./roles.ts";
import { ownerKey } from "./state/lease-counts.ts";
import type { Ballot, MemberNo } from "./model/types.ts";

const NO_REIGNS: readonly Reign[] = [];

export class Beats {
  readonly #parts: Parts;
  readonly #core: Core;
  /** Monotonic time of the last beat sent. */
  #sentMs: number = -Infinity;
  #isAlong = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#core = parts.core;
  }

  /** Of the next one. */
  get dueMs(): number {
    return this.#isAlong ? -Infinity : this.#sentMs + this.#core.options.heartbeatMs;
  }

  /** Another's came when the next one was due soon: it goes at once, so that both wake each node once. */
  get isAlong(): boolean {
    return this.#isAlong;
  }

  learnReign(p: number, ballot: Ballot): void {
    if (compareBallots(ballot, this.#parts.worker.reignOf(p)) <= 0) return;
    this.#parts.worker.onReign(p, ballot);
    this.#parts.requests.stewardMoved(p);
  }

  #reigns(isMeant: (keeper: Keeper) => boolean): readonly Reign[] {
    const reigns: Reign[] = [];
    const keepers = this.#parts.keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const keeper = keepers[at]!;
      const { p, reign, replica } = keeper;
      if (!reign || !isMeant(keeper)) continue;
      const { ballot, isActive } = reign;
      reigns.push({ p, ballot, commit: replica.commit, isActive });
    }
    return reigns;
  }

  /**
   * For a member that no beat tells, what it runs tasks of; for any, what it holds by the log and has not
   * attached to: it may not know of that lease, or not of this reign.
   */
  #reignsFor(node: MemberNo, boot: number): readonly Reign[] {
    const { reach } = this.#core;
    if (!reach.isLarge) return NO_REIGNS;
    const isTold = reach.isKeeping(node);
    const wanted = reach.wantedBy(node);
    const owner = ownerKey({ node, boot });
    return this.#reigns(({ p, reign, replica }) =>
      (!isTold && wanted.has(p)) ||
      (replica.tasks.leases.has(owner) && !this.#parts.desks.of(reign!).isAttached(node, boot))
    );
  }

  message(): BeatMessage {
    const reigns = this.#reigns(() => true);
    const { boot } = this.#core.options;
    const sentMs = this.#core.clock.leaseMs;
    const epoch = this.#core.roster!.epoch;
    return { type: "beat", boot, sentMs, epoch, sessions: this.#parts.worker.sessions.numbers(), reigns };
  }

  send(): void {
    const message = this.message();
    this.#core.reignsChanged = false;
    this.#sentMs = this.#core.clock.monoMs;
    this.#isAlong = false;
    const held = this.#parts.worker.sessions.heldPartitions();
    for (const no of this.#core.reach.beatTargets(held)) this.#core.send(no, message);
  }

  /** Beyond the usual: those who keep what this node is about to hold. */
  sendTo(numbers: Iterable<MemberNo>): void {
    const message = this.message();
    for (const no of numbers) this.#core.send(no, message);
  }

  onBeat(from: MemberNo, message: BeatMessage): void {
    const { boot, sentMs } = message;
    if (!this.#parts.sessions.heard(from, boot)) return;
    if (this.#core.reach.isKeeping(from)) this.#parts.credit.open(from);
    const refused: { p: number; promised: Ballot }[] = [];
    for (const { p, ballot, commit, isActive } of message.reigns) {
      this.#core.see(ballot);
      this.learnReign(p, ballot);
      if (isActive) this.#parts.membership.noteActive(p, ballot.cfg);
      const promised = this.#parts.keepers.at(p, ballot.cfg)?.heardReign(ballot, commit);
      if (promised) refused.push({ p, promised });
    }
    const condemned: { p: number; n: number }[] = [];
    const vouches = this.#vouch(from, message, condemned);
    const epoch = this.#core.roster!.epoch;
    const reigns = this.#reignsFor(from, boot);
    this.#core.send(from, { type: "beatReply", boot, sentMs, epoch, vouches, condemned, reigns, refused });
    if (message.epoch < epoch) this.#parts.membership.isBehind(from);
    const { clock, options: { beatAlongMs } } = this.#core;
    this.#isAlong ||= beatAlongMs > 0 && clock.monoMs > this.dueMs - beatAlongMs;
  }

  /** What is kept here whole and not sealed, where the session is not condemned. */
  #vouch(
    node: MemberNo,
    { boot, sessions }: BeatMessage,
    condemned: { p: number; n: number }[],
  ): BeatReplyMessage["vouches"] {
    const bitsByCfg: Map<number, Uint8Array> = new Map();
    const keepers = this.#parts.keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const keeper = keepers[at]!;
      if (!this.mayVouch(keeper)) continue;
      const { p, cfg, replica } = keeper;
      let bits = bitsByCfg.get(cfg);
      if (!bits) bitsByCfg.set(cfg, bits = new Uint8Array((this.#core.options.partitionCount + 7) >> 3));
      if (replica.tasks.condemned.size > 0) {
        const n = sessions.length === 0 ? 1 : sessions.find((session) => session.p === p)?.n ?? 1;
        const entry = replica.tasks.condemnationOf(node, boot);
        if (entry && replica.tasks.isCondemned({ node, boot, n })) {
          condemned.push({ p, n: entry.session.n });
          continue;
        }
      }
      bits[p >> 3]! |= 1 << (p & 7);
    }
    return [...bitsByCfg].map(([cfg, bits]) => ({ cfg, bits }));
  }

  mayVouch(keeper: Keeper): boolean {
    return keeper.isServing;
  }

  onBeatReply(from: MemberNo, message: BeatReplyMessage): void {
    if (message.epoch < this.#core.roster!.epoch) this.#parts.membership.isBehind(from);
    const refused: Set<number> = new Set();
    for (const { p, promised } of message.refused) {
      // a seal is refused with a ballot above all of the configuration that it ended
      const keeper = this.#parts.keepers.reigning(p);
      if (!keeper?.reign || compareBallots(promised, keeper.reign.ballot) <= 0) continue;
      refused.add(p);
      keeper.onRefuse(keeper.reign.ballot, promised);
    }
    const keepers = this.#parts.keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const { p, reign } = keepers[at]!;
      if (reign && !refused.has(p)) reign.heardFrom(from);
    }
    for (const { p, ballot } of message.reigns) {
      // it may say that this node holds what it does not know of: attaching settles that
      if (!this.#core.reach.wants(p)) this.#core.reach.call(p);
      this.learnReign(p, ballot);
    }
    const [first] = message.reigns;
    if (first && this.#parts.sessions.heard(from, first.ballot.boot)) this.#parts.credit.open(from);
    this.#parts.worker.onBeatReply(from, message);
  }
}
