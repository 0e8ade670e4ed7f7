/**
 * Founding a cluster with `expect: N` nodes: unanimous. A founding is decided when all its members acked it;
 * whoever knows all acks knows that it is decided, so the proposer may die. A node moves to another founding
 * only downwards in their order, and only when a member of its own has acked a lower one: then its own can no
 * longer be decided. Two foundings with a common member are therefore never both decided.
 */
import type { Context } from "../context/context.ts";
import { assignKeepers, hashText } from "../context/ring.ts";
import type { CandidateInfo } from "../model/contract.ts";
import { KEEPING_MEMBERS_MAX, LIMITS } from "../model/limits.ts";
import type { FoundMessage } from "../model/messages.ts";
import { type Candidate, FOUNDING_EPOCH, type NodeId, type Roster } from "../model/types.ts";
import { firstDeciders } from "./next-roster.ts";

interface Acked {
  readonly founding: string;
  readonly members: readonly Candidate[];
}

export class Founding {
  readonly #context: Context;
  readonly #candidates: Map<NodeId, Candidate & { readonly expect: number }> = new Map();
  /** The founding that this node acked; durable. */
  #mine: Acked | null = null;
  readonly #acks: Set<NodeId> = new Set();
  #sentMs = -Infinity;

  constructor(context: Context) {
    this.#context = context;
  }

  restore(founding: string, members: readonly Candidate[]): void {
    this.#mine = { founding, members };
    this.#acks.clear();
    this.#acks.add(this.#context.options.self);
  }

  seen(id: NodeId, info: CandidateInfo): void {
    this.#candidates.set(id, { id, ...info });
    this.#sentMs = -Infinity;
  }

  /** The cluster of the founding that this node acked: it may be a member of it without knowing it yet. */
  get acked(): string | null {
    return this.#mine && clusterOf(this.#mine.founding);
  }

  /** Another cluster takes this node in: nothing that it founded counts any more. */
  forget(): void {
    this.#mine = null;
    this.#acks.clear();
  }

  /**
   * Proposes, or repeats what this node acked, and returns the roster once it is decided. `mayPropose`: no
   * cluster to join was met.
   */
  tick(mayPropose: boolean): Roster | null {
    const { expect, self, resendMs } = this.#context.options;
    if (!this.#mine && mayPropose) this.#propose(expect);
    const mine = this.#mine;
    if (!mine) return null;
    if (mine.members.every((member) => this.#acks.has(member.id))) return this.#rosterOf(mine);
    const { monoMs } = this.#context.clock;
    if (monoMs - this.#sentMs >= resendMs) {
      this.#sentMs = monoMs;
      for (const member of mine.members) {
        if (member.id !== self) this.#context.sendToId(member.id, this.#message(mine));
      }
    }
    return null;
  }

  /** The smallest id of exactly the expected number proposes. */
  #propose(expect: number): void {
    const { self, name, labels, witness, nonce, foundAfterMs } = this.#context.options;
    const members: Candidate[] = [{ id: self, name, labels, witness }];
    if (expect === 1) {
      if (this.#context.clock.monoMs - this.#context.bootMs < foundAfterMs) return;
      return this.#ack({ founding: `${self}/${nonce}`, members });
    }
    for (const { id, name, labels, witness, expect: theirs } of this.#candidates.values()) {
      if (theirs === expect && this.#context.connected.has(id)) members.push({ id, name, labels, witness });
    }
    if (members.length < expect) return;
    members.sort((a, b) => (a.id < b.id ? -1 : 1));
    if (members[0]!.id !== self) return;
    this.#ack({ founding: `${self}/${nonce}`, members: members.slice(0, expect) });
  }

  #ack(acked: Acked): void {
    const { self } = this.#context.options;
    this.#mine = acked;
    this.#acks.clear();
    this.#acks.add(self);
    this.#sentMs = -Infinity;
    this.#context.persist({ type: "founding", founding: acked.founding, members: acked.members });
  }

  #message(acked: Acked): FoundMessage {
    return { type: "found", ...acked, acked: [...this.#acks] };
  }

  onFound(from: NodeId, message: FoundMessage): void {
    const { founding, members, acked } = message;
    const { self, expect } = this.#context.options;
    if (members.length > LIMITS.membersMax || members.length !== expect) return;
    if (!members.some((member) => member.id === self) || !members.some((member) => member.id === from)) {
      return;
    }
    if (!this.#mine) this.#ack({ founding, members });
    else if (founding < this.#mine.founding && this.#isMember(from)) {
      // a member of mine acked a lower one: mine can no longer be decided
      this.#ack({ founding, members });
    }
    if (this.#mine!.founding !== founding) {
      this.#context.sendToId(from, this.#message(this.#mine!));
      return;
    }
    const before = this.#acks.size;
    for (const id of [from, ...acked]) if (members.some((member) => member.id === id)) this.#acks.add(id);
    if (this.#acks.size > before) this.#sentMs = -Infinity;
  }

  #isMember(id: NodeId): boolean {
    return this.#mine!.members.some((member) => member.id === id);
  }

  #rosterOf(decided: Acked): Roster {
    const { partitionCount, replication } = this.#context.options;
    const members = decided.members.map((candidate, at) => ({ no: at + 1, ...candidate, leaving: false }));
    const epoch = FOUNDING_EPOCH;
    return {
      cluster: clusterOf(decided.founding),
      epoch,
      replication,
      members,
      nextNo: members.length + 1,
      deciders: firstDeciders(members),
      chains: assignKeepers(members.slice(0, KEEPING_MEMBERS_MAX), { partitionCount, replication, epoch }),
    };
  }
}

function clusterOf(founding: string): string {
  return `${hashText(founding).toString(16)}-${founding.slice(-12)}`;
}
