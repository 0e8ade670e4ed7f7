/**
 * In a large cluster each node attaches to some partitions only (reach.ts), so those that are attached to one
 * may all be full, or without the handler, while others idle. A steward whose tasks wait calls the others:
 * quickly all of them once, then a few with every heartbeat. Who has room answers by attaching (router.ts).
 */
import type { Desk } from "./desk.ts";
import type { BelongingParts } from "./belonging.ts";
import { LIMITS } from "./limits.ts";
import type { Reign } from "./reign.ts";
import type { MemberNo } from "./types.ts";

/** Tasks that wait longer have nobody among those attached. */
const PATIENCE_MS = 300;
/** Called first; then twice as many each time, until all were. */
const FIRST_COUNT = 64;
const FIRST_EVERY_MS = 200;

interface Call {
  dueMs: number;
  count: number;
  /** Of the members. */
  passedCount: number;
}

export class Calls {
  readonly #parts: Pick<BelongingParts, "core" | "sessions" | "keepers">;
  readonly #callByDesk: Map<Desk, Call> = new Map();

  constructor(parts: Pick<BelongingParts, "core" | "sessions" | "keepers">) {
    this.#parts = parts;
  }

  /** `waiting`: those with tasks that nobody who is attached can take. */
  run(waiting: ReadonlySet<Desk>): void {
    const { core, keepers } = this.#parts;
    for (const desk of this.#callByDesk.keys()) if (!waiting.has(desk)) this.#callByDesk.delete(desk);
    if (waiting.size === 0 || !core.reach.isLarge) return;
    const { monoMs } = core.clock;
    for (const { reign } of keepers.all) {
      if (!reign || !waiting.has(reign.desk)) continue;
      const call = this.#callByDesk.get(reign.desk);
      if (!call) {
        const dueMs = monoMs + PATIENCE_MS;
        this.#callByDesk.set(reign.desk, { dueMs, count: FIRST_COUNT, passedCount: 0 });
      } else if (monoMs >= call.dueMs) this.#call(reign, call);
    }
  }

  #call({ p, ballot, desk }: Reign, call: Call): void {
    const { core } = this.#parts;
    const { boot, heartbeatMs } = core.options;
    const { members } = core.roster!;
    const priority = Math.max(-LIMITS.priorityMax, desk.priorityBelow(Infinity));
    for (let i = 0; i < call.count && i < members.length; i++) {
      // each partition begins with others
      const { no, witness } = members[(p * FIRST_COUNT + call.passedCount++) % members.length]!;
      if (witness || this.#isAttached(desk, no)) continue;
      core.send(no, { type: "steward", p, ballot });
      core.send(no, { type: "hungry", boot, backlog: 1, priority });
    }
    const isFirstRound = call.passedCount < members.length;
    call.count = isFirstRound ? 2 * call.count : FIRST_COUNT;
    call.dueMs = core.clock.monoMs + (isFirstRound ? FIRST_EVERY_MS : heartbeatMs);
  }

  #isAttached(desk: Desk, no: MemberNo): boolean {
    const { core, sessions } = this.#parts;
    if (no === core.self) return desk.isAttached(no, core.options.boot);
    const silentMs = core.clock.monoMs - sessions.lastBeatMs(no);
    return silentMs < 2.5 * core.options.heartbeatMs && desk.isAttached(no, sessions.bootOf(no));
  }
}
