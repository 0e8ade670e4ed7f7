/** Who is there, as far as this node hears: for proposing rosters, never for safety. */
import type { Context } from "../context/context.ts";
import type { Liveness } from "../context/liveness.ts";
import type { MemberNo, Roster } from "../model/types.ts";

export class FailureDetector {
  readonly #context: Context;
  readonly #liveness: Liveness;
  /** When each member was first seen in a roster here: none is silent from before. */
  readonly #knownMs: Map<MemberNo, number> = new Map();

  constructor(context: Context, liveness: Liveness) {
    this.#context = context;
    this.#liveness = liveness;
  }

  adopted(roster: Roster): void {
    const known = new Set(roster.members.map((member) => member.no));
    for (const no of known) if (!this.#knownMs.has(no)) this.#knownMs.set(no, this.#context.clock.monoMs);
    for (const no of this.#knownMs.keys()) if (!known.has(no)) this.#knownMs.delete(no);
  }

  reset(): void {
    this.#knownMs.clear();
  }

  /** The loop of this node stood still: nobody is to blame for the silence. */
  addStall(gapMs: number): void {
    for (const [no, ms] of this.#knownMs) this.#knownMs.set(no, ms + gapMs);
  }

  isSilent(no: MemberNo, forMs: number): boolean {
    if (no === this.#context.self) return false;
    const { monoMs } = this.#context.clock;
    const heardMs = Math.max(this.#liveness.lastHeartbeatMs(no), this.#knownMs.get(no) ?? monoMs);
    return monoMs - heardMs > forMs;
  }

  /** It was heard just now. */
  isLive(no: MemberNo): boolean {
    if (no === this.#context.self) return true;
    const silentMs = this.#context.clock.monoMs - this.#liveness.lastHeartbeatMs(no);
    return this.#context.isConnected(no) && silentMs <= 3 * this.#context.options.heartbeatMs;
  }
}
