/** What a steward knows of one keeper that follows it. reign.ts changes it; nobody else looks. */
import type { LogEnd, MemberNo } from "./types.ts";

export interface Follower {
  readonly no: MemberNo;
  /** Index of the next entry to send. */
  next: number;
  /** Everything up to here is known to be in its log. */
  match: number;
  ackMs: number;
  sentMs: number;
  /** After a refusal: the index that the one append under way begins after. -1 = it follows. */
  probe: number;
  /** Where the log ended at the refusal: from here on it follows again. */
  probeUntil: number;
  snapshot: { readonly end: LogEnd; readonly bytes: Uint8Array; offset: number } | null;
}

/** A keeper of which nothing is known yet: it counts as heard at `nowMs`. */
export function newFollower(no: MemberNo, next: number, nowMs: number): Follower {
  return { no, next, match: 0, ackMs: nowMs, sentMs: nowMs, probe: -1, probeUntil: 0, snapshot: null };
}

/** All have the log up to here, the steward up to `lastIndex`. */
export function floorOf(followers: readonly Follower[], lastIndex: number): number {
  let floor = lastIndex;
  for (let at = 0; at < followers.length; at++) floor = Math.min(floor, followers[at]!.match);
  return floor;
}
