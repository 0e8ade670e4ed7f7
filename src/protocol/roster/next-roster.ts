/**
 * What the next roster shall be, from the present one and the pending changes: a pure function, so that
 * whoever proposes makes the same of the same. One pending configuration per partition at most; chains are
 * cut when the newest stands; who left stays listed until no configuration names it any more.
 */
import { assignKeepers } from "../context/ring.ts";
import { majorityOf } from "../model/ballot.ts";
import { KEEPING_MEMBERS_MAX } from "../model/limits.ts";
import type { Candidate, Configuration, Member, MemberNo, Roster } from "../model/types.ts";

/** Pending configurations on top of each other, each passing over one that lost its keepers. */
const CHAIN_MAX = 16;

export interface Changes {
  readonly joins: readonly Candidate[];
  /** Members that leave, or are evicted. */
  readonly leaves: readonly MemberNo[];
  /** The newest configuration of the partition is known to serve. */
  isActive(p: number, cfg: number): boolean;
  /** It is in touch at the moment: better a decider than one who is not. */
  isLive(no: MemberNo): boolean;
  /** @default KEEPING_MEMBERS_MAX */
  readonly keepingMembersMax?: number | undefined;
}

/** The roster that follows, or null when there is nothing to change. */
export function nextRoster(roster: Roster, changes: Changes): Roster | null {
  const epoch = roster.epoch + 1;
  const { members, nextNo, isChanged } = nextMembers(roster, changes);
  const keepingMax = changes.keepingMembersMax ?? KEEPING_MEMBERS_MAX;
  const keeping = members.filter((member) => !member.leaving).slice(0, keepingMax);
  const { targets, isReached } = isChanged ? levelOf(roster, keeping) : knownLevelOf(roster, keeping);
  if (!isChanged && isReached) {
    const deciders = nextDeciders(roster, keeping, changes);
    return deciders.length > roster.deciders.length ? { ...roster, epoch, deciders } : null;
  }
  let isMoved = false;
  const chains = roster.chains.map((chain, p) => {
    const newest = chain.at(-1)!;
    const target = targets[p]![0]!;
    if (!changes.isActive(p, newest.epoch)) {
      // it waits for the pending one, unless that can never serve: then the next one passes it over
      if (chain.length === 1 || chain.length >= CHAIN_MAX || canServe(newest, members)) return chain;
      isMoved = true;
      return [...chain, target];
    }
    const isSame = isSameSet(newest.keepers, target.keepers);
    if (isSame && chain.length === 1) return chain;
    isMoved = true;
    return isSame ? [newest] : [newest, target];
  });
  const named = new Set(chains.flatMap((chain) => chain.flatMap((each) => each.keepers)));
  // who leaves is marked first: the deciders that let it go then know a roster in which it decides nothing
  const wasLeaving = new Set(roster.members.filter((member) => member.leaving).map((member) => member.no));
  const kept = members.filter(({ no, leaving }) => !leaving || named.has(no) || !wasLeaving.has(no));
  const deciders = nextDeciders(roster, keeping, changes);
  const isSame = !isChanged && !isMoved && kept.length === members.length &&
    deciders.length <= roster.deciders.length;
  return isSame ? null : { ...roster, epoch, members: kept, nextNo, deciders, chains };
}

/** Who shall keep what in the roster after this one, and whether all of it is so already. */
interface Level {
  readonly targets: readonly (readonly Configuration[])[];
  readonly isReached: boolean;
}

function levelOf({ members, replication, epoch, chains }: Roster, keeping: readonly Member[]): Level {
  const targets = assignKeepers(keeping, { partitionCount: chains.length, replication, epoch: epoch + 1 });
  const isReached = members.every(({ leaving }) => !leaving) && chains.every((chain, p) => {
    return chain.length === 1 && isSameSet(chain[0]!.keepers, targets[p]![0]!.keepers);
  });
  return { targets, isReached };
}

/** With the members as they are: asked in every tick, worked out once. */
const levelByRoster: WeakMap<Roster, Level> = new WeakMap();

function knownLevelOf(roster: Roster, keeping: readonly Member[]): Level {
  let level = levelByRoster.get(roster);
  if (!level) levelByRoster.set(roster, level = levelOf(roster, keeping));
  return level;
}

function nextMembers(
  roster: Roster,
  { joins, leaves, isLive }: Changes,
): { readonly members: readonly Member[]; readonly nextNo: MemberNo; readonly isChanged: boolean } {
  let { nextNo } = roster;
  let isChanged = false;
  const members = [...roster.members];
  for (const candidate of joins) {
    const at = members.findIndex((member) => member.id === candidate.id);
    if (at >= 0 && !members[at]!.leaving) continue;
    isChanged = true;
    if (at >= 0) members[at] = { ...members[at]!, ...candidate, leaving: false };
    else members.push({ no: nextNo++, ...candidate, leaving: false });
  }
  for (const no of leaves) {
    const at = members.findIndex((member) => member.no === no);
    if (at < 0 || members[at]!.leaving) continue;
    // somebody must stay of whom it is known that it is there
    const isSpared = members.some((other) =>
      other.no !== no && !other.leaving && other.no < roster.nextNo && isLive(other.no)
    );
    if (!isSpared) continue;
    members[at] = { ...members[at]!, leaving: true };
    isChanged = true;
  }
  return { members, nextNo, isChanged };
}

/** Enough of its keepers are still there. */
function canServe({ keepers }: Configuration, members: readonly Member[]): boolean {
  const left = keepers.filter((no) => members.some((member) => member.no === no && !member.leaving));
  return left.length >= majorityOf(keepers.length);
}

/**
 * Whoever is let in now decides later: it must have been there to be counted on. But two that are there and
 * one newcomer are better than one alone; with more newcomers the two would be no majority.
 */
function nextDeciders(
  roster: Roster,
  keeping: readonly Member[],
  { isLive }: Changes,
): readonly MemberNo[] {
  const old = keeping.filter((member) => member.no < roster.nextNo).map((member) => member.no);
  const live = old.filter(isLive);
  const staying = roster.deciders.filter((no) => old.includes(no));
  const known = new Set([...live, ...staying]).size;
  const count = deciderCount(known === 2 ? Math.min(3, keeping.length) : known);
  const newcomers = keeping.map((member) => member.no);
  const preferred = [...staying.filter(isLive), ...live, ...staying, ...old, ...newcomers];
  const deciders = [...new Set(preferred)].slice(0, count).sort((a, b) => a - b);
  return deciders.length > 0 ? deciders : [keeping[0]!.no];
}

function deciderCount(memberCount: number): number {
  return memberCount >= 5 ? 5 : memberCount >= 3 ? 3 : 1;
}

/** Of a cluster that is founded: up to five. */
export function firstDeciders(members: readonly Member[]): readonly MemberNo[] {
  return members.slice(0, deciderCount(members.length)).map((member) => member.no);
}

function isSameSet(a: Configuration["keepers"], b: Configuration["keepers"]): boolean {
  return a.length === b.length && a.every((no) => b.includes(no));
}
