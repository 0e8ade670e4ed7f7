/**
 * In a large cluster each node attaches to some partitions only (reach.ts), so those that are attached to one
 * may all be full, or without the handler, while others idle. A steward whose tasks wait calls the others:
 * quickly all of them once, then a few with every heartbeat. Who has room answers by attaching (router.ts).
 */
import type { Core } from "./core.ts";
import { LIMITS } from "./limits.ts";
import type { Sessions } from "./sessions.ts";
import type { MemberNo } from "./types.ts";
import type { TaskBook } from "./waiting-tasks.ts";

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
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #callByDesk: Map<TaskBook, Call> = new Map();

  constructor(core: Core, sessions: Sessions) {
    this.#core = core;
    this.#sessions = sessions;
  }

  /** `waiting`: those with tasks that nobody who is attached can take. */
  run(waiting: ReadonlySet<TaskBook>): void {
    const core = this.#core;
    for (const desk of this.#callByDesk.keys()) if (!waiting.has(desk)) this.#callByDesk.delete(desk);
    if (waiting.size === 0 || !core.reach.isLarge) return;
    const { monoMs } = core.clock;
    for (const desk of [...waiting].sort((a, b) => a.p - b.p)) {
      const call = this.#callByDesk.get(desk);
      if (!call) {
        const dueMs = monoMs + PATIENCE_MS;
        this.#callByDesk.set(desk, { dueMs, count: FIRST_COUNT, passedCount: 0 });
      } else if (monoMs >= call.dueMs) this.#call(desk, call);
    }
  }

  #call(desk: TaskBook, call: Call): void {
    const core = this.#core;
    const { p, ballot } = desk;
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

  #isAttached(desk: TaskBook, no: MemberNo): boolean {
    const [core, sessions] = [this.#core, this.#sessions];
    if (no === core.self) return desk.isAttached(no, core.options.boot);
    const silentMs = core.clock.monoMs - sessions.lastBeatMs(no);
    return silentMs < 2.5 * core.options.heartbeatMs && desk.isAttached(no, sessions.bootOf(no));
  }
}
