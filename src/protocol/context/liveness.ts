/**
 * The keeper's side of sessions: who was heard when, whom it vouches for, and how long a condemned session
 * had been silent. Nothing here is durable: a restarted or stalled keeper counts everybody as just heard, so
 * it may be slow to condemn, never hasty (PaxosLease's M; Gray & Cheriton 1989).
 */
import type { Context } from "./context.ts";
import { ownerKey } from "../state/lease-counts.ts";
import type { Condemnation, PartitionTasks } from "../state/partition-tasks.ts";
import type { Fate, MemberNo, SessionId, Silence } from "../model/types.ts";

const NO_SILENCES: readonly Silence[] = [];

export class Liveness {
  readonly #context: Context;
  /** Monotonic time of the last heartbeat, per `(node, boot)`. */
  readonly #heardMs: Map<number, number> = new Map();
  readonly #bootOf: Map<MemberNo, number> = new Map();
  readonly #frozenMs: WeakMap<Condemnation, number> = new WeakMap();
  /** Of those whose connection was closed by their own end: when, until there is another one. */
  readonly #closedMs: Map<MemberNo, number> = new Map();
  /** No silence counts from before: the boot of this node. */
  #silenceFloorMs = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** From now on silence counts. */
  begin(): void {
    this.#silenceFloorMs = this.#context.clock.monoMs;
  }

  /** False when the heartbeat is of an earlier life of that node. */
  heard(node: MemberNo, boot: number): boolean {
    const known = this.#bootOf.get(node) ?? 0;
    if (boot < known) return false;
    this.#bootOf.set(node, boot);
    this.#heardMs.set(ownerKey({ node, boot }), this.#context.clock.monoMs);
    // what this life said before its connection closed may come later
    if (boot > known) this.#closedMs.delete(node);
    return true;
  }

  /** The connection to the node ended; `isClosed`: by its own end. */
  disconnected(node: MemberNo, isClosed: boolean): void {
    if (isClosed) this.#closedMs.set(node, this.#context.clock.monoMs);
    else this.#closedMs.delete(node);
  }

  /** A connection to the node is there: some life of it speaks. */
  connectedTo(node: MemberNo): void {
    this.#closedMs.delete(node);
  }

  /** When that life of the node closed its connection, if it has made none since. */
  closedMs({ node, boot }: SessionId): number | undefined {
    return this.#bootOf.get(node) === boot ? this.#closedMs.get(node) : undefined;
  }

  /** When that life of the node was heard last; undefined: never, since this node began. */
  heardMs(session: SessionId): number | undefined {
    return this.#heardMs.get(ownerKey(session));
  }

  /** This node's loop stood still for `gapMs`: the silence of the others in that time was not theirs. */
  addStall(gapMs: number): void {
    for (const [owner, ms] of this.#heardMs) this.#heardMs.set(owner, ms + gapMs);
  }

  lastHeardMs(owner: { readonly node: MemberNo; readonly boot: number }): number {
    return this.ownerHeardMs(ownerKey(owner));
  }

  ownerHeardMs(owner: number): number {
    return Math.max(this.#heardMs.get(owner) ?? -Infinity, this.#silenceFloorMs);
  }

  /** Monotonic time at which the present life of the node was heard; -Infinity if never. */
  lastHeartbeatMs(node: MemberNo): number {
    const boot = this.#bootOf.get(node);
    return boot === undefined ? -Infinity : this.#heardMs.get(ownerKey({ node, boot }))!;
  }

  bootOf(node: MemberNo): number {
    return this.#bootOf.get(node) ?? 0;
  }

  /**
   * It died if its end of the connection closed and there is no other one since: whoever stands still or is
   * cut off closes nothing. A later life is proof. Who did not hear it alive is no witness of its death: when
   * all died together nobody is, and nothing is to blame.
   */
  #fateOf(session: SessionId): Fate {
    const { node, boot } = session;
    if (node === this.#context.self) return boot === this.#context.options.boot ? "silent" : "unknown";
    if (this.heardMs(session) === undefined) return "unknown";
    return this.bootOf(node) > boot || this.closedMs(session) !== undefined ? "dead" : "silent";
  }

  /**
   * The silences of the condemned sessions that still hold leases in a partition. The first call after a
   * CONDEMN was appended freezes the silence: call it in the same step. `silenceFloorMs`: when this keeper's
   * copy was installed; it cannot speak for the time before.
   */
  silences(tasks: PartitionTasks, silenceFloorMs: number): readonly Silence[] {
    if (tasks.condemned.size === 0) return NO_SILENCES;
    const silences: Silence[] = [];
    for (const condemnation of tasks.openCondemnations()) {
      const { session, index } = condemnation;
      let frozenMs = this.#frozenMs.get(condemnation);
      if (frozenMs === undefined) {
        frozenMs = this.lastHeardMs(session);
        this.#frozenMs.set(condemnation, frozenMs);
      }
      const elapsedMs = Math.max(0, this.#context.clock.monoMs - Math.max(frozenMs, silenceFloorMs));
      silences.push({ session, index, elapsedMs, fate: this.#fateOf(session) });
    }
    return silences;
  }
}
