/** Who is there, as far as this node hears: for proposing rosters, never for safety. */
import type { Core } from "../context/context.ts";
import type { Sessions } from "../context/liveness.ts";
import type { MemberNo, Roster } from "../model/types.ts";

export class Attendance {
  readonly #core: Core;
  readonly #sessions: Sessions;
  /** When each member was first seen in a roster here: none is silent from before. */
  readonly #knownMs: Map<MemberNo, number> = new Map();

  constructor(core: Core, sessions: Sessions) {
    this.#core = core;
    this.#sessions = sessions;
  }

  adopted(roster: Roster): void {
    const known = new Set(roster.members.map((member) => member.no));
    for (const no of known) if (!this.#knownMs.has(no)) this.#knownMs.set(no, this.#core.clock.monoMs);
    for (const no of this.#knownMs.keys()) if (!known.has(no)) this.#knownMs.delete(no);
  }

  reset(): void {
    this.#knownMs.clear();
  }

  /** The loop of this node stood still: nobody is to blame for the silence. */
  forgive(gapMs: number): void {
    for (const [no, ms] of this.#knownMs) this.#knownMs.set(no, ms + gapMs);
  }

  isSilent(no: MemberNo, forMs: number): boolean {
    if (no === this.#core.self) return false;
    const { monoMs } = this.#core.clock;
    const heardMs = Math.max(this.#sessions.lastBeatMs(no), this.#knownMs.get(no) ?? monoMs);
    return monoMs - heardMs > forMs;
  }

  /** It was heard just now. */
  isLive(no: MemberNo): boolean {
    if (no === this.#core.self) return true;
    const silentMs = this.#core.clock.monoMs - this.#sessions.lastBeatMs(no);
    return this.#core.isConnected(no) && silentMs <= 3 * this.#core.options.heartbeatMs;
  }
}
