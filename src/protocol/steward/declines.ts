/**
 * Who would not take which task of one term, and until when. Soft: the log does not know it, and what is
 * forgotten is offered once more, to be declined once more.
 */
import type { Context } from "../context/context.ts";
import type { MemberNo } from "../model/types.ts";

/** "Until something changes": what a steward cannot see changes now and then, too. */
const UNTIL_CHANGE_MS_MAX = 30_000;
/** Tasks remembered for one partition: the oldest are offered once more. */
const TASKS_MAX = 16_384;
/** Leased for so long: it was not declined. */
const KEPT_AFTER_MS = 10_000;

interface Decline {
  /** 0 = until something changes. */
  readonly forMs: number;
  /** Monotonic. */
  readonly sinceMs: number;
  readonly boot: number;
  readonly changes: number;
  readonly epoch: number;
  /** For people. */
  readonly why: string;
}

/** What the steward knows of a member's present life; undefined when it knows nothing. */
type StandingOf = (no: MemberNo) => { readonly boot: number; readonly changes: number } | undefined;

export class Declines {
  readonly #context: Context;
  readonly #standingOf: StandingOf;
  readonly #byId: Map<string, Map<MemberNo, Decline>> = new Map();

  constructor(context: Context, standingOf: StandingOf) {
    this.#context = context;
    this.#standingOf = standingOf;
  }

  note(id: string, no: MemberNo, forMs: number, why = ""): void {
    const standing = this.#standingOf(no);
    if (!standing) return;
    let byNo = this.#byId.get(id);
    if (!byNo) this.#byId.set(id, byNo = new Map());
    const { boot, changes } = standing;
    byNo.set(no, { forMs, sinceMs: this.#context.clock.monoMs, boot, changes, epoch: this.#epoch, why });
    if (this.#byId.size > TASKS_MAX) { for (const oldest of this.#byId.keys()) return this.forget(oldest); }
  }

  get #epoch(): number {
    return this.#context.roster?.epoch ?? 0;
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** For how long the member does not want it: 0 = something must change, undefined = it may be asked. */
  leftMs(id: string, no: MemberNo): number | undefined {
    const decline = this.#byId.get(id)?.get(no);
    if (!decline || !this.#counts(decline, no)) return undefined;
    return decline.forMs === 0 ? 0 : this.#leftMs(decline);
  }

  /** What the member said of it, if it still counts. */
  whyOf(id: string, no: MemberNo): string {
    const decline = this.#byId.get(id)?.get(no);
    return decline && this.#counts(decline, no) ? decline.why : "";
  }

  #leftMs({ forMs, sinceMs }: Decline): number {
    return sinceMs + (forMs > 0 ? forMs : UNTIL_CHANGE_MS_MAX) - this.#context.clock.monoMs;
  }

  #counts(decline: Decline, no: MemberNo): boolean {
    const { forMs, boot, changes, epoch } = decline;
    const standing = this.#standingOf(no);
    if (standing?.boot !== boot || this.#leftMs(decline) <= 0) return false;
    return forMs > 0 || (changes === standing.changes && epoch === this.#epoch);
  }

  /** In so many ms the first of those who declined may be asked again, unless something changes before. */
  waitMs(id: string): number {
    let waitMs = Infinity;
    for (const decline of this.#byId.get(id)?.values() ?? []) {
      waitMs = Math.min(waitMs, this.#leftMs(decline));
    }
    return waitMs;
  }

  /** Forgets what counts no more; `leasedMs`: for how long it has been leased, Infinity = it is gone. */
  sweep(leasedMs: (id: string) => number): void {
    for (const [id, byNo] of this.#byId) {
      for (const [no, decline] of byNo) if (!this.#counts(decline, no)) byNo.delete(no);
      if (byNo.size === 0 || leasedMs(id) > KEPT_AFTER_MS) this.#byId.delete(id);
    }
  }
}
