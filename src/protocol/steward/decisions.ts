/**
 * What a steward has decided in its term, so that a second copy of the same request gets the same answer
 * whatever has happened meanwhile. Copies from other terms it does not take at all (router.ts), and nothing
 * of an earlier term is chosen any more once an entry of its own is: so a refusal is as final as an
 * acceptance.
 */
import type { Context } from "../context/context.ts";
import { LIMITS } from "../model/limits.ts";
import type { MemberNo, NodeId } from "../model/types.ts";

/** The requests of one member. It says which are settled: the others are on their way. */
export class MemberDecisions<S> {
  #floor = 0;
  readonly #byRid: Map<number, S> = new Map();

  /** All requests below `rid` are settled or given up. */
  raise(rid: number): void {
    if (rid <= this.#floor) return;
    this.#floor = rid;
    // the oldest are first; one that came late among newer ones goes with these
    for (const each of this.#byRid.keys()) {
      if (each >= rid) break;
      this.#byRid.delete(each);
    }
  }

  /** A late copy: nobody waits for its answer. */
  isSettled(rid: number): boolean {
    return rid < this.#floor;
  }

  get(rid: number): S | undefined {
    return this.#byRid.get(rid);
  }

  note(rid: number, status: S): void {
    this.#byRid.set(rid, status);
  }

  /** No more is decided before some are settled: a copy of what is forgotten could be decided otherwise. */
  get isFull(): boolean {
    return this.#byRid.size >= LIMITS.decisionsPerMemberMax;
  }
}

/** One for each member that has asked. It may leave and join again, and ask on under another number. */
export class Decisions<S> {
  readonly #context: Context;
  readonly #byNode: Map<NodeId, MemberDecisions<S>> = new Map();

  constructor(context: Context) {
    this.#context = context;
  }

  of(no: MemberNo): MemberDecisions<S> {
    const id = this.#context.memberByNo.get(no)?.id ?? "";
    let decisions = this.#byNode.get(id);
    if (!decisions) this.#byNode.set(id, decisions = new MemberDecisions());
    return decisions;
  }
}
