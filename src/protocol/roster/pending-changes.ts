/** What a decider was asked for and sees itself: who joins, who leaves, who is to be evicted. */
import type { FailureDetector } from "./failure-detector.ts";
import type { Context } from "../context/context.ts";
import type { LeaveMessage } from "../model/messages.ts";
import type { Changes } from "./next-roster.ts";
import type { Candidate, Member, MemberNo, NodeId, Roster } from "../model/types.ts";

/** Changes wait so long for others, so that a wave of joins is one epoch. */
const GATHER_MS = 250;
/** A node that asked to join and then fell silent is not let in. */
const ASKED_MAX_MS = 3000;
/** After a decider refused an eviction: it hears that member. */
const CONTESTED_MS = 10_000;

interface Asking {
  readonly candidate: Candidate;
  readonly sinceMs: number;
  askedMs: number;
}

interface Leaving {
  readonly sinceMs: number;
  /** It waits for its turn. */
  isPatient: boolean;
}

export class PendingChanges {
  readonly #context: Context;
  readonly #failureDetector: FailureDetector;
  readonly #asking: Map<NodeId, Asking> = new Map();
  readonly #leaving: Map<MemberNo, Leaving> = new Map();
  #contestedMs = -Infinity;

  constructor(context: Context, failureDetector: FailureDetector) {
    this.#context = context;
    this.#failureDetector = failureDetector;
  }

  get #nowMs(): number {
    return this.#context.clock.monoMs;
  }

  /** What the roster has is not pending any more. */
  adopted(roster: Roster): void {
    // epochs may have been missed here: who is no member any more wants nothing either
    const staying = new Set(roster.members.filter(({ leaving }) => !leaving).map(({ no }) => no));
    for (const no of this.#leaving.keys()) if (!staying.has(no)) this.#leaving.delete(no);
    for (const { id, leaving } of roster.members) if (!leaving) this.#asking.delete(id);
  }

  reset(): void {
    this.#asking.clear();
    this.#leaving.clear();
  }

  contested(): void {
    this.#contestedMs = this.#nowMs;
  }

  /** Returns why it may not join; "" when it may, in its time. */
  join(candidate: Candidate): string {
    const double = this.#context.roster!.members.find((member) => isDouble(member, candidate));
    if (double && this.#context.isConnected(double.no)) {
      return `another member is named ${JSON.stringify(candidate.name)} (${double.id}): names must differ`;
    }
    const asking = this.#asking.get(candidate.id);
    if (asking) asking.askedMs = this.#nowMs;
    else this.#asking.set(candidate.id, { candidate, sinceMs: this.#nowMs, askedMs: this.#nowMs });
    return "";
  }

  leave({ no, isPatient }: Pick<LeaveMessage, "no" | "isPatient">): void {
    if (this.#context.memberByNo.get(no)?.leaving !== false) return;
    const known = this.#leaving.get(no);
    if (known) known.isPatient &&= isPatient;
    else this.#leaving.set(no, { sinceMs: this.#nowMs, isPatient });
  }

  wantsToLeave(no: MemberNo): boolean {
    return this.#leaving.has(no);
  }

  /** Null: too early, others may follow. */
  gather(roster: Roster): Pick<Changes, "joins" | "leaves"> | null {
    let sinceMs = Infinity;
    const joins: Candidate[] = [];
    for (const [id, { candidate, sinceMs: mine, askedMs }] of this.#asking) {
      if (this.#nowMs - askedMs > ASKED_MAX_MS) this.#asking.delete(id);
      else if (joins.every(({ name }) => name !== candidate.name) && !this.#hasLiveDouble(candidate)) {
        joins.push(candidate);
        sinceMs = Math.min(sinceMs, mine);
      }
    }
    joins.sort((a, b) => (a.id < b.id ? -1 : 1));
    const leaves = this.#evicted(roster, joins);
    if (this.#canSpare(roster, leaves)) {
      for (const [no, mine] of this.#goers(roster, leaves)) {
        leaves.push(no);
        sinceMs = Math.min(sinceMs, mine.sinceMs);
      }
    }
    if (sinceMs <= this.#nowMs && this.#nowMs - sinceMs < GATHER_MS) return null;
    leaves.sort((a, b) => a - b);
    return { joins, leaves };
  }

  /** All who are in a hurry; of those who are not the first, once nobody else is on the way out. */
  #goers(roster: Roster, evicted: readonly MemberNo[]): readonly (readonly [MemberNo, Leaving])[] {
    const all = [...this.#leaving];
    const hurried = all.filter(([, { isPatient }]) => !isPatient);
    if (hurried.length > 0 || evicted.length > 0 || !isAtRest(roster)) return hurried;
    return all.slice(0, 1);
  }

  #hasLiveDouble(candidate: Candidate): boolean {
    const { leaseTtlMs } = this.#context.options;
    return this.#context.roster!.members.some((member) =>
      isDouble(member, candidate) && !this.#failureDetector.isSilent(member.no, leaseTtlMs)
    );
  }

  /** Nobody may leave while it is open whether another member is still there. */
  #canSpare(roster: Roster, evicted: readonly MemberNo[]): boolean {
    return roster.members.every(({ no, leaving }) =>
      leaving || no === this.#context.self || this.#failureDetector.isLive(no) || evicted.includes(no)
    );
  }

  /** The silent, and former selves: a node without a store comes back as another of the same name. */
  #evicted(roster: Roster, joins: readonly Candidate[]): MemberNo[] {
    if (this.#nowMs - this.#contestedMs < CONTESTED_MS) return [];
    const { evictAfterMs, leaseTtlMs } = this.#context.options;
    const evicted: MemberNo[] = [];
    for (const member of roster.members) {
      if (member.no === this.#context.self || member.leaving) continue;
      const isFormer = joins.some((candidate) => isDouble(member, candidate));
      const silenceMs = isFormer ? leaseTtlMs : evictAfterMs;
      if (this.#failureDetector.isSilent(member.no, silenceMs)) evicted.push(member.no);
    }
    return evicted;
  }
}

/** Nobody is leaving, and no partition is on its way to other keepers. */
function isAtRest({ members, chains }: Roster): boolean {
  return members.every(({ leaving }) => !leaving) && chains.every((chain) => chain.length === 1);
}

function isDouble(member: Member, candidate: Candidate): boolean {
  return member.name === candidate.name && member.id !== candidate.id && !member.leaving;
}
