/**
 * The counter of a steward for commands to tasks: records them in order, and takes them to whoever holds the
 * task's lease until that has carried them out. What a command does is task-machine.ts's business.
 */
import type { Core } from "../context/context.ts";
import { LIMITS } from "../model/limits.ts";
import type { CommandMessage, CommandStatus, Delivery } from "../model/messages.ts";
import type { Reign } from "../log/term.ts";
import { isKnown, isTerminal, nextState } from "../state/task-machine.ts";
import type { MemberNo, TaskRecord } from "../model/types.ts";

export interface CommandPort {
  changed(id: string): void;
  announceIfOver(id: string): void;
}

export class CommandDesk {
  readonly #core: Core;
  readonly #reign: Reign;
  readonly #port: CommandPort;
  /** Leased tasks with commands that wait, and when those were last sent to the holder. */
  readonly #sentMsById: Map<string, number> = new Map();

  constructor(core: Core, reign: Reign, port: CommandPort) {
    this.#core = core;
    this.#reign = reign;
    this.#port = port;
  }

  begin(): void {
    for (const record of this.#reign.replica.tasks.records.values()) this.#note(record);
  }

  #note(record: TaskRecord | undefined): void {
    if (record?.state !== "leased" || !record.commands || record.commands.queued.length === 0) return;
    this.#sentMsById.set(record.spec.id, -Infinity);
    this.#core.dirty.add(this.#reign);
  }

  onCommand(from: MemberNo, message: CommandMessage): void {
    const { rid, p, id, cid } = message;
    const { tasks } = this.#reign.replica;
    const record = tasks.records.get(id);
    const status = this.#statusOf(record, message);
    let index = this.#reign.replica.lastIndex;
    if ((status === "applied" || status === "queued") && !isKnown(record!, cid)) {
      const atMs = this.#core.clock.wallMs;
      index = this.#reign.propose({ type: "command", id, cid, message: message.message, atMs });
      if (status === "applied") this.#port.changed(id);
    } else if (status === "unknown") {
      // that there is no such task must be chosen, too
      index = this.#reign.propose({ type: "noop" });
    }
    this.#reign.whenChosen(index, () => {
      this.#core.send(from, { type: "commandReply", rid, p, status });
      this.#note(tasks.records.get(id));
      if (status === "applied") this.#port.announceIfOver(id);
    });
  }

  #statusOf(record: TaskRecord | undefined, { cid, message }: CommandMessage): CommandStatus {
    if (!record) return "unknown";
    const isLeased = record.state === "leased";
    if (isKnown(record, cid)) return isLeased ? "queued" : "applied";
    if (isTerminal(record.state)) return "ended";
    if (nextState(record.state, message.type) === null) return "invalid";
    if (!isLeased) return "applied";
    return (record.commands?.queued.length ?? 0) < LIMITS.commandsQueuedMax ? "queued" : "busy";
  }

  tick(): void {
    if (this.#sentMsById.size === 0) return;
    const overdueMs = this.#core.clock.monoMs - this.#core.options.resendMs;
    for (const sentMs of this.#sentMsById.values()) {
      if (sentMs > overdueMs) continue;
      this.#core.dirty.add(this.#reign);
      return;
    }
  }

  /** At the end of a step: what is chosen goes to the holders, one message each. */
  flush(): void {
    if (this.#sentMsById.size === 0) return;
    const { monoMs } = this.#core.clock;
    const itemsByHolder: Map<MemberNo, Delivery[]> = new Map();
    for (const [id, sentMs] of this.#sentMsById) {
      if (sentMs > monoMs - this.#core.options.resendMs) continue;
      const { tasks, commit } = this.#reign.replica;
      const record = tasks.records.get(id);
      if (record?.state !== "leased" || !record.commands || record.commands.queued.length === 0) {
        this.#sentMsById.delete(id);
        continue;
      }
      const { fence, session } = record;
      const commands = record.commands.queued.filter(({ no }) => no <= commit);
      if (fence > commit || commands.length === 0) continue;
      this.#sentMsById.set(id, monoMs);
      const items = itemsByHolder.get(session!.node);
      if (items) items.push({ id, fence, commands });
      else itemsByHolder.set(session!.node, [{ id, fence, commands }]);
    }
    const { p } = this.#reign;
    for (const [no, items] of itemsByHolder) this.#core.send(no, { type: "deliver", p, items });
  }
}
