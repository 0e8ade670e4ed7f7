/**
 * What nodes say to one another about who belongs to the cluster: founding, joining, leaving, and the
 * single-decree Paxos among the deciders of an epoch that decides the next roster.
 */
import type { AcceptedRoster, Ballot, Candidate, MemberNo, Roster } from "./types.ts";

/** "I found, or agree to found, this cluster." Proposing is acking. Founded when every member has acked. */
export interface FoundMessage {
  readonly type: "found";
  /** Orders foundings: a node moves only to a lower one, and only when its own can no longer be decided. */
  readonly founding: string;
  readonly members: readonly Candidate[];
  /** Ids of members that the sender knows to have acked this founding. */
  readonly acked: readonly string[];
}
/** The decided roster of an epoch. */
export interface RosterMessage {
  readonly type: "roster";
  readonly roster: Roster;
  /** The cluster has more than one member, or has recorded something: it yields to no other. */
  readonly isSettled: boolean;
}

/** "Let me in", to any member. */
export interface JoinMessage {
  readonly type: "join";
  readonly candidate: Candidate;
}
export interface JoinRefusedMessage {
  readonly type: "joinRefused";
  /** The id of the node that asked: a member may have asked for it. */
  readonly id: string;
  readonly reason: string;
}
/** A member wants to leave: other members shall keep what it keeps. */
export interface LeaveMessage {
  readonly type: "leave";
  readonly no: MemberNo;
}

/** Asks a decider of `epoch` to promise. Its ballot carries the epoch as `cfg`. */
export interface RosterPrepareMessage {
  readonly type: "rosterPrepare";
  readonly ballot: Ballot;
}
export interface RosterPromiseMessage {
  readonly type: "rosterPromise";
  readonly ballot: Ballot;
  /** False: a ballot as high as this one is promised already. */
  readonly ok: boolean;
  readonly promised: Ballot;
  readonly accepted: AcceptedRoster | null;
}
/** Asks a decider to accept `roster` as the one after the epoch `ballot.cfg`. */
export interface RosterAcceptMessage {
  readonly type: "rosterAccept";
  readonly ballot: Ballot;
  /** Nobody accepted it before: it may still be refused. What may be decided already may not. */
  readonly isFresh: boolean;
  readonly roster: Roster;
}
export interface RosterAcceptedMessage {
  readonly type: "rosterAccepted";
  readonly ballot: Ballot;
  /** `heard`: it evicts a member that the decider hears. */
  readonly answer: "accepted" | "promised" | "heard";
  readonly promised: Ballot;
}
