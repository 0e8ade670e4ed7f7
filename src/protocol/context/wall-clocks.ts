/**
 * What the wall clocks of the members show, by what they last said: a member says it with each heartbeat, and
 * a keeper with each promise, so that a term begins with the clocks of a majority. Soft; log/cluster-time.ts
 * makes of it the time that counts.
 */
import { majorityReached } from "../model/ballot.ts";
import type { Clock, EngineEvent } from "../model/contract.ts";
import type { Member, MemberNo } from "../model/types.ts";

/** After so many heartbeats without a word nobody knows how its clock goes on. */
const HEARTBEATS_KNOWN = 2.5;
/** A clock that stays behind is reported again. */
const REPORT_EVERY_MS = 600_000;

interface Report {
  readonly wallMs: number;
  /** This node's monotonic time when it came. */
  readonly monoMs: number;
}

/** Of the keepers' clocks, and of the node that reads them. */
interface ReadingNode {
  readonly self: MemberNo;
  readonly clock: Clock;
  readonly options: { readonly heartbeatMs: number };
  readonly memberByNo: ReadonlyMap<MemberNo, Member>;
  event(event: EngineEvent): void;
}

/** Between these is the latest time that a majority of the clocks have reached. */
export interface TimeBounds {
  /** They have for certain: who is silent shows what it showed last. */
  readonly reachedMs: number;
  /** They can have at most: who is silent may show anything. */
  readonly possibleMs: number;
}

export class WallClocks {
  readonly #node: ReadingNode;
  readonly #reports: Map<MemberNo, Report> = new Map();
  /** When it was reported last that a member's clock is behind. */
  readonly #reportedMs: Map<MemberNo, number> = new Map();

  constructor(node: ReadingNode) {
    this.#node = node;
  }

  /** Once for all partitions. */
  reportBehind(no: MemberNo, behindMs: number): void {
    const { clock: { monoMs }, memberByNo } = this.#node;
    const node = memberByNo.get(no)?.id;
    if (node === undefined || monoMs - (this.#reportedMs.get(no) ?? -Infinity) < REPORT_EVERY_MS) return;
    this.#reportedMs.set(no, monoMs);
    this.#node.event({ type: "clockBehind", node, behindMs: Math.round(behindMs) });
  }

  note(no: MemberNo, wallMs: number): void {
    this.#reports.set(no, { wallMs, monoMs: this.#node.clock.monoMs });
  }

  /** The numbers of a former membership are somebody else's. */
  forget(): void {
    this.#reports.clear();
    this.#reportedMs.clear();
  }

  isSilent(no: MemberNo): boolean {
    return no !== this.#node.self && this.#ageMs(no) > this.#knownForMs;
  }

  #ageMs(no: MemberNo): number {
    return this.#node.clock.monoMs - (this.#reports.get(no)?.monoMs ?? -Infinity);
  }

  get #knownForMs(): number {
    return HEARTBEATS_KNOWN * this.#node.options.heartbeatMs;
  }

  /** What the member's clock has reached; -Infinity when it never said. */
  reachedMs(no: MemberNo): number {
    if (no === this.#node.self) return this.#node.clock.wallMs;
    const report = this.#reports.get(no);
    return report ? report.wallMs + Math.min(this.#ageMs(no), this.#knownForMs) : -Infinity;
  }

  boundsOf(members: readonly MemberNo[]): TimeBounds {
    const reached = members.map((no) => this.reachedMs(no));
    const possible = members.map((no, at) => this.isSilent(no) ? Infinity : reached[at]!);
    return { reachedMs: majorityReached(reached), possibleMs: majorityReached(possible) };
  }
}
