/**
 * The counter of a steward for commands to tasks: records them in order, and takes them to whoever holds the
 * task's lease until that has carried them out. What a command does is state/task-machine.ts's business.
 */
import type { Context } from "../context/context.ts";
import { LIMITS } from "../model/limits.ts";
import type { CommandMessage, CommandStatus, Delivery } from "../model/messages.ts";
import type { Term } from "../log/term.ts";
import { Decisions } from "./decisions.ts";
import { isKnown, isTerminal, nextState } from "../state/task-machine.ts";
import type { MemberNo, QueuedCommand, TaskRecord } from "../model/types.ts";

export interface CommandPort {
  changed(id: string): void;
  announceIfOver(id: string): void;
}

export class CommandDelivery {
  readonly #context: Context;
  readonly #term: Term;
  readonly #port: CommandPort;
  /** Leased tasks with commands that wait, and when those were last sent to the holder. */
  readonly #sentMsById: Map<string, number> = new Map();
  readonly #decisions: Decisions<CommandStatus>;

  constructor(context: Context, term: Term, port: CommandPort) {
    this.#context = context;
    this.#term = term;
    this.#port = port;
    this.#decisions = new Decisions(context);
  }

  begin(): void {
    for (const record of this.#term.replica.tasks.records.values()) this.#note(record);
  }

  /** Something waits for its holder now. */
  noteWaiting(id: string): void {
    this.#note(this.#term.replica.tasks.records.get(id));
  }

  #note(record: TaskRecord | undefined): void {
    if (record?.state !== "leased" || !record.commands || record.commands.queued.length === 0) return;
    this.#sentMsById.set(record.spec.id, -Infinity);
    this.#context.dirty.add(this.#term);
  }

  onCommand(from: MemberNo, message: CommandMessage): void {
    const { rid, p, floor, id, cid } = message;
    const decisions = this.#decisions.of(from);
    decisions.raise(floor);
    if (decisions.isSettled(rid)) return;
    const { ballot, replica } = this.#term;
    const record = replica.tasks.records.get(id);
    const earlier = decisions.get(rid);
    // it is sent again
    if (!earlier && decisions.isFull) return;
    const status = earlier ?? this.#statusOf(record, message);
    decisions.note(rid, status);
    const answer = (): void => this.#context.send(from, { type: "commandReply", rid, p, ballot, status });
    if (status !== "applied" && status !== "queued") {
      return this.#term.whenConfirmed(answer);
    }
    let index = replica.lastIndex;
    // of one that was taken the task may be forgotten, and another have its id
    if (!earlier && !isKnown(record!, cid)) {
      const atMs = this.#term.time.nowMs;
      index = this.#term.propose({ type: "command", id, cid, message: message.message, atMs });
      if (status === "applied") this.#port.changed(id);
    }
    this.#term.whenChosen(index, () => {
      answer();
      this.#note(replica.tasks.records.get(id));
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
    const waitingCount = record.commands?.queued.filter(isCommand).length ?? 0;
    return waitingCount < LIMITS.commandsQueuedMax ? "queued" : "busy";
  }

  tick(): void {
    if (this.#sentMsById.size === 0) return;
    const overdueMs = this.#context.clock.monoMs - this.#context.options.resendMs;
    for (const sentMs of this.#sentMsById.values()) {
      if (sentMs > overdueMs) continue;
      this.#context.dirty.add(this.#term);
      return;
    }
  }

  /** At the end of a step: what is chosen goes to the holders, one message each. */
  flush(): void {
    if (this.#sentMsById.size === 0) return;
    const { monoMs } = this.#context.clock;
    const itemsByHolder: Map<MemberNo, Delivery[]> = new Map();
    for (const [id, sentMs] of this.#sentMsById) {
      if (sentMs > monoMs - this.#context.options.resendMs) continue;
      const { tasks, commit } = this.#term.replica;
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
    const { p } = this.#term;
    for (const [no, items] of itemsByHolder) this.#context.send(no, { type: "deliver", p, items });
  }
}

/** Of a client; that a task's time is over waits beside those. */
function isCommand({ message }: QueuedCommand): boolean {
  return message.type !== "expire";
}
