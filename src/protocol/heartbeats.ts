/**
 * Heartbeats, one per pair of nodes: they renew every session of the sender, keep its terms known, and carry
 * the vouches back. Their number grows with nodes, never with tasks.
 */
import { compareBallots } from "./model/ballot.ts";
import type { Context } from "./context/context.ts";
import type { Keeper } from "./log/keeper.ts";
import type { AnnouncedTerm, HeartbeatMessage, HeartbeatReplyMessage } from "./model/messages.ts";
import type { Roles } from "./roles.ts";
import { ownerKey } from "./state/lease-counts.ts";
import type { Ballot, MemberNo, Roster } from "./model/types.ts";

const NO_TERMS: readonly AnnouncedTerm[] = [];

export class Heartbeats {
  readonly #roles: Roles;
  readonly #context: Context;
  /** Monotonic time of the last heartbeat sent. */
  #sentMs: number = -Infinity;
  #isAlong = false;
  /** Members that this node is not connected to; null: not known. */
  #away: { readonly roster: Roster; readonly members: readonly MemberNo[] } | null = null;

  constructor(roles: Roles) {
    this.#roles = roles;
    this.#context = roles.context;
  }

  /** Of the next one. */
  get dueMs(): number {
    return this.#isAlong ? -Infinity : this.#sentMs + this.#context.options.heartbeatMs;
  }

  /** Another's came when the next one was due soon: it goes at once, so that both wake each node once. */
  get isAlong(): boolean {
    return this.#isAlong;
  }

  /** A stream to another node opened or closed. */
  linksChanged(): void {
    this.#away = null;
  }

  #awayFrom(roster: Roster): readonly MemberNo[] {
    if (this.#away?.roster !== roster) {
      const members = roster.members.filter(({ no }) => !this.#context.isConnected(no)).map(({ no }) => no);
      this.#away = { roster, members };
    }
    return this.#away.members;
  }

  learnTerm(p: number, ballot: Ballot): void {
    if (compareBallots(ballot, this.#roles.holder.termOf(p)) <= 0) return;
    this.#roles.holder.onTerm(p, ballot);
    this.#roles.requests.stewardMoved(p);
  }

  #terms(isMeant: (keeper: Keeper) => boolean): readonly AnnouncedTerm[] {
    const terms: AnnouncedTerm[] = [];
    const keepers = this.#roles.keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const keeper = keepers[at]!;
      const { p, term, replica } = keeper;
      if (!term || !isMeant(keeper)) continue;
      const { ballot, isActive } = term;
      terms.push({ p, ballot, commit: replica.commit, isActive });
    }
    return terms;
  }

  /**
   * For a member that gets no heartbeats, what it runs tasks of; for any, what it holds by the log and has
   * not attached to: it may not know of that lease, or not of this term.
   */
  #termsFor(node: MemberNo, boot: number): readonly AnnouncedTerm[] {
    const { topology } = this.#context;
    if (!topology.isLarge) return NO_TERMS;
    const getsHeartbeats = topology.isKeeping(node);
    const wanted = topology.wantedBy(node);
    const owner = ownerKey({ node, boot });
    return this.#terms(({ p, term, replica }) =>
      (!getsHeartbeats && wanted.has(p)) ||
      (replica.tasks.leases.has(owner) && !this.#roles.stewards.of(term!).isAttached(node, boot))
    );
  }

  message(): HeartbeatMessage {
    const terms = this.#terms(() => true);
    const { boot } = this.#context.options;
    const { leaseMs: sentMs, wallMs } = this.#context.clock;
    const epoch = this.#context.roster!.epoch;
    const sessions = this.#roles.holder.sessions.numbers();
    return { type: "heartbeat", boot, sentMs, wallMs, epoch, sessions, terms };
  }

  send(): void {
    const message = this.message();
    this.#context.termsChanged = false;
    this.#sentMs = this.#context.clock.monoMs;
    this.#isAlong = false;
    const held = this.#roles.holder.sessions.heldPartitions();
    for (const no of this.#context.topology.heartbeatTargets(held)) this.#context.send(no, message);
  }

  /** Beyond the usual: those who keep what this node is about to hold. */
  sendTo(numbers: Iterable<MemberNo>): void {
    const message = this.message();
    for (const no of numbers) this.#context.send(no, message);
  }

  onHeartbeat(from: MemberNo, message: HeartbeatMessage): void {
    const { boot, sentMs } = message;
    if (!this.#roles.liveness.heard(from, boot)) return;
    this.#context.wallClocks.note(from, message.wallMs);
    if (this.#context.topology.isKeeping(from)) this.#roles.credit.open(from);
    const refused: { p: number; promised: Ballot }[] = [];
    for (const { p, ballot, commit, isActive } of message.terms) {
      this.#context.see(ballot);
      this.learnTerm(p, ballot);
      if (isActive) this.#roles.membership.noteActive(p, ballot.cfg);
      const promised = this.#roles.keepers.at(p, ballot.cfg)?.heardTerm(ballot, commit);
      if (promised) refused.push({ p, promised });
    }
    const condemned: { p: number; n: number }[] = [];
    const vouches = this.#vouch(from, message, condemned);
    const roster = this.#context.roster!;
    const { epoch } = roster;
    const terms = this.#termsFor(from, boot);
    const away = this.#awayFrom(roster);
    this.#context.send(from, {
      type: "heartbeatReply",
      boot,
      sentMs,
      epoch,
      vouches,
      condemned,
      terms,
      away,
      refused,
    });
    if (message.epoch < epoch) this.#roles.membership.isBehind(from);
    const { clock, options: { heartbeatAlongMs } } = this.#context;
    this.#isAlong ||= heartbeatAlongMs > 0 && clock.monoMs > this.dueMs - heartbeatAlongMs;
  }

  /** What is kept here whole and not sealed, where the session is not condemned. */
  #vouch(
    node: MemberNo,
    { boot, sessions }: HeartbeatMessage,
    condemned: { p: number; n: number }[],
  ): HeartbeatReplyMessage["vouches"] {
    const bitsByCfg: Map<number, Uint8Array> = new Map();
    const keepers = this.#roles.keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const keeper = keepers[at]!;
      if (!this.mayVouch(keeper)) continue;
      const { p, cfg, replica } = keeper;
      let bits = bitsByCfg.get(cfg);
      if (!bits) bitsByCfg.set(cfg, bits = new Uint8Array((this.#context.options.partitionCount + 7) >> 3));
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

  onHeartbeatReply(from: MemberNo, message: HeartbeatReplyMessage): void {
    if (message.epoch < this.#context.roster!.epoch) this.#roles.membership.isBehind(from);
    const { epoch, away } = message;
    this.#context.awayFrom.set(from, { epoch, away });
    const refused: Set<number> = new Set();
    for (const { p, promised } of message.refused) {
      // a seal is refused with a ballot above all of the configuration that it ended
      const keeper = this.#roles.keepers.ofSteward(p);
      if (!keeper?.term || compareBallots(promised, keeper.term.ballot) <= 0) continue;
      refused.add(p);
      keeper.onRefuse(keeper.term.ballot, promised);
    }
    const keepers = this.#roles.keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const { p, term } = keepers[at]!;
      if (term && !refused.has(p)) term.heardFrom(from);
    }
    for (const { p, ballot } of message.terms) {
      // it may say that this node holds what it does not know of: attaching settles that
      if (!this.#context.topology.wants(p)) this.#context.topology.addDemanded(p);
      this.learnTerm(p, ballot);
    }
    const [first] = message.terms;
    if (first && this.#roles.liveness.heard(from, first.ballot.boot)) this.#roles.credit.open(from);
    this.#roles.holder.onHeartbeatReply(from, message);
  }
}
