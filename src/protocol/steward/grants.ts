/**
 * Leases on their way from a steward to those who shall run them: sent once they are chosen, and again until
 * they are acknowledged, to the attachment that they were made for and to no other.
 */
import type { Context } from "../context/context.ts";
import type { GrantedTask } from "../model/messages.ts";
import type { Term } from "../log/term.ts";
import type { MemberNo, SessionId, TaskError, TaskRecord } from "../model/types.ts";
import { isOnProbation } from "../state/lapses.ts";

export interface Attachment {
  readonly boot: number;
  readonly n: number;
  readonly attach: number;
  readonly session: SessionId;
}

interface Outstanding {
  readonly to: MemberNo;
  readonly attachment: Attachment;
  readonly task: GrantedTask;
  sentMs: number;
}

const NEVER: readonly number[] = [];

export class Grants {
  readonly #context: Context;
  readonly #term: Term;
  readonly #attached: ReadonlyMap<MemberNo, Attachment>;
  /** Grants not acked yet, by fence, lowest first. */
  readonly #outstanding: Map<number, Outstanding> = new Map();
  readonly #due: Map<MemberNo, Outstanding[]> = new Map();
  #last = 0;

  constructor(context: Context, term: Term, attached: ReadonlyMap<MemberNo, Attachment>) {
    this.#context = context;
    this.#term = term;
    this.#attached = attached;
  }

  /** `no`: number of the grant in the member's account. */
  add(to: MemberNo, attachment: Attachment, no: number, record: TaskRecord): void {
    const { spec, attempt, checkpoint, errors, fence, startedAtMs } = record;
    const ageOf = ({ atMs }: TaskError): number => startedAtMs - atMs;
    const task: GrantedTask = {
      no,
      id: spec.id,
      fence,
      attempt,
      name: spec.name,
      payload: spec.payload,
      attemptsMax: spec.attemptsMax,
      errorAgesMs: errors.length === 0 ? NEVER : errors.map(ageOf),
      options: spec.options,
      checkpoint,
      expiresAtMs: record.expiresAtMs,
      isOnProbation: isOnProbation(record),
    };
    const outstanding = { to, attachment, task, sentMs: 0 };
    this.#outstanding.set(fence, outstanding);
    this.#last = fence;
    this.#dueTo(to).push(outstanding);
  }

  #dueTo(no: MemberNo): Outstanding[] {
    let due = this.#due.get(no);
    if (!due) this.#due.set(no, due = []);
    return due;
  }

  received(fence: number): void {
    this.#outstanding.delete(fence);
  }

  tick(): void {
    if (this.#outstanding.size === 0) return;
    const { monoMs } = this.#context.clock;
    for (const [fence, grant] of this.#outstanding) {
      if (this.#attached.get(grant.to) !== grant.attachment) this.#outstanding.delete(fence);
      else if (monoMs - grant.sentMs >= this.#context.options.resendMs) {
        this.#dueTo(grant.to).push(grant);
        this.#context.dirty.add(this.#term);
      }
    }
  }

  /** At the end of a step: one message to each member. */
  flush(): void {
    for (const [no, grants] of this.#due) if (grants.length > 0) this.#send(no, grants.splice(0));
  }

  #send(no: MemberNo, grants: Outstanding[]): void {
    const { p, ballot } = this.#term;
    const attachment = this.#attached.get(no);
    const { monoMs } = this.#context.clock;
    const tasks: GrantedTask[] = [];
    for (const grant of grants) {
      if (grant.attachment !== attachment) continue;
      grant.sentMs = monoMs;
      tasks.push(grant.task);
    }
    if (!attachment || tasks.length === 0) return;
    const lowest = this.#outstanding.keys().next();
    const grantFloor = lowest.done ? this.#last + 1 : lowest.value;
    const { boot, n, attach } = attachment;
    this.#context.send(no, { type: "grant", p, ballot, boot, n, attach, grantFloor, tasks });
  }
}
