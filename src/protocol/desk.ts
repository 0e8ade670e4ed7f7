/**
 * The counter of a steward for those who run tasks: members attach, holders settle, pending tasks are handed
 * out. Every answer leaves after what it rests on was chosen, never before. Clients: inquiries.ts.
 */
import { isSameBallot } from "./ballot.ts";
import type { Core } from "./core.ts";
import type { Dispatcher } from "./dispatch.ts";
import { Inquiries } from "./inquiries.ts";
import type { AttachMessage, GrantedTask, SettleMessage } from "./messages.ts";
import { Publisher } from "./publisher.ts";
import type { Reign } from "./reign.ts";
import type { Sessions } from "./sessions.ts";
import { CommandDesk } from "./command-desk.ts";
import { endedBy, keepsLease } from "./task-machine.ts";
import { Trays } from "./trays.ts";
import type { MemberNo, Settlement, TaskRecord } from "./types.ts";
import { isDue, WaitingTasks } from "./waiting-tasks.ts";

/** Tasks forgotten by one entry: it is undone, and done again, as a whole. */
const PURGED_PER_TICK_MAX = 256;

interface Attachment {
  readonly boot: number;
  readonly n: number;
  readonly attach: number;
}

interface Outstanding {
  readonly to: MemberNo;
  readonly attachment: Attachment;
  readonly task: GrantedTask;
  sentMs: number;
}

export class Desk {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #reign: Reign;
  readonly #attached: Map<MemberNo, Attachment> = new Map();
  /** Grants not acked yet, by fence, lowest first. */
  readonly #outstanding: Map<number, Outstanding> = new Map();
  readonly #grants: Map<MemberNo, Outstanding[]> = new Map();
  readonly #trays: Trays;
  readonly inquiries: Inquiries;
  readonly commands: CommandDesk;
  readonly #waiting: WaitingTasks = new WaitingTasks();
  readonly #publisher: Publisher;
  #lastGrant = 0;

  constructor(core: Core, sessions: Sessions, reign: Reign) {
    this.#core = core;
    this.#sessions = sessions;
    this.#reign = reign;
    this.#publisher = new Publisher(core, reign);
    this.#trays = new Trays(core, reign.p);
    this.inquiries = new Inquiries(core, reign, this.#trays, this);
    this.commands = new CommandDesk(core, reign, this);
  }

  get #dispatcher(): Dispatcher {
    return this.#core.dispatcher;
  }

  begin(): void {
    this.requeue();
    this.#publisher.publishAll();
    this.commands.begin();
  }

  end(): void {
    this.#dispatcher.waiting.delete(this);
  }

  /** Rebuilds the queues from the tasks. */
  requeue(): void {
    this.#waiting.clear();
    for (const record of this.#reign.replica.tasks.records.values()) this.enqueue(record);
  }

  enqueue(record: TaskRecord): void {
    if (this.#waiting.add(record)) this.#wants();
  }

  #wants(): void {
    this.#dispatcher.waiting.add(this);
    this.#dispatcher.isDirty = true;
  }

  /** A task changed: it may wait now, and views want to know. */
  changed(id: string): void {
    const record = this.#reign.replica.tasks.records.get(id);
    if (record) this.enqueue(record);
    this.#publisher.touch(id);
  }

  tick(): void {
    const { monoMs, wallMs } = this.#core.clock;
    if (this.#waiting.wake(this.#reign.replica.tasks.records, this.#core.clock)) this.#wants();
    for (const [fence, grant] of this.#outstanding) {
      if (this.#attached.get(grant.to) !== grant.attachment) this.#outstanding.delete(fence);
      else if (monoMs - grant.sentMs >= this.#core.options.resendMs) {
        this.#grantsFor(grant.to).push(grant);
        this.#core.dirty.add(this.#reign);
      }
    }
    this.#purge(wallMs);
    this.commands.tick();
    this.#publisher.tick();
  }

  #purge(wallMs: number): void {
    const { tasks } = this.#reign.replica;
    const { retentionMs, finishedPerPartitionMax } = this.#core.options;
    const tooMany = tasks.finishedCount - finishedPerPartitionMax;
    const count = Math.max(tooMany, tasks.finishedBefore(wallMs - retentionMs, PURGED_PER_TICK_MAX));
    if (count > 0) this.#reign.propose({ type: "purge", count });
  }

  // ---- holders -------------------------------------------------------------------------------------------

  isAttached(no: MemberNo, boot: number): boolean {
    const attachment = this.#attached.get(no);
    if (!attachment || attachment.boot !== boot) return false;
    return !this.#reign.replica.tasks.isCondemned({ node: no, boot, n: attachment.n });
  }

  onAttach(from: MemberNo, message: AttachMessage): void {
    if (!isSameBallot(message.ballot, this.#reign.ballot)) return;
    const { p, ballot, boot, n, attach } = message;
    const known = this.#attached.get(from);
    if (known && (boot < known.boot || (boot === known.boot && attach < known.attach))) return;
    const { tasks } = this.#reign.replica;
    const condemned = tasks.isCondemned({ node: from, boot, n })
      ? tasks.condemnationOf(from, boot)!.session.n
      : 0;
    const isRepeat = known?.boot === boot && known.attach === attach && known.n === n;
    if (condemned === 0 && !isRepeat) {
      this.#attached.set(from, { boot, n, attach });
      this.#reconcile(from, message);
    }
    this.#core.send(from, { type: "attachReply", p, ballot, boot, attach, condemned });
  }

  /** Releases what the log says that the member holds and the member does not. */
  #reconcile(from: MemberNo, message: AttachMessage): void {
    const held = new Map(message.held.map(({ id, fence }) => [id, fence]));
    const { tasks } = this.#reign.replica;
    if (tasks.leases.size > 0) {
      for (const [id, record] of tasks.records) {
        const { session, fence } = record;
        if (record.state !== "leased" || session!.node !== from || session!.boot !== message.boot) continue;
        if (held.get(id) === fence) continue;
        const index = this.#settle(id, fence, 0, { type: "release" });
        this.#reign.whenChosen(index, () => this.inquiries.announceIfOver(id));
      }
    }
    this.#dispatcher.isDirty = true;
  }

  #settle(id: string, fence: number, upTo: number, settlement: Settlement): number {
    const atMs = this.#core.clock.wallMs;
    const index = this.#reign.propose({ type: "settle", id, fence, upTo, settlement, atMs });
    this.changed(id);
    return index;
  }

  onSettle(from: MemberNo, message: SettleMessage): void {
    const { replica } = this.#reign;
    for (const { id, fence, seq, upTo, settlement } of message.items) {
      this.#outstanding.delete(fence);
      const record = replica.tasks.records.get(id);
      let index = replica.lastIndex;
      // told before, and the answer got lost
      let accepted = record !== undefined && record.fence === fence && record.session?.node === from &&
        endedBy(record, settlement);
      if (this.isCurrent(record, fence) && record!.session!.node === from) {
        index = this.#settle(id, fence, upTo, settlement);
        accepted = true;
      }
      this.#reign.whenChosen(index, () => {
        this.#trays.for(from).settles.push({ fence, seq, accepted });
        if (!accepted || keepsLease(settlement)) return;
        if (settlement.type === "complete" || settlement.type === "fail") this.inquiries.announce(id);
        else this.inquiries.announceIfOver(id);
      });
    }
    if (message.items.length > 0) this.#core.dirty.add(this.#reign);
  }

  /** Only the holder of the present lease may speak for a task. */
  isCurrent(record: TaskRecord | undefined, fence: number): boolean {
    return record?.state === "leased" && record.fence === fence;
  }

  onGrantAck(fences: readonly number[]): void {
    for (const fence of fences) this.#outstanding.delete(fence);
  }

  // ---- handing out ---------------------------------------------------------------------------------------

  /** Leases what can be leased now. True when tasks remain. */
  dispatch(): boolean {
    return this.#waiting.dispatch(
      this.#reign.replica.tasks.records,
      this.#core.clock,
      (record) => this.#dispatcher.pick(this, record.spec.id, record.spec.name, record.avoid),
      (no, id) => this.#lease(no, id),
    );
  }

  isDue(record: TaskRecord): boolean {
    return isDue(record, this.#core.clock);
  }

  backlogFor(no: MemberNo, handlers: ReadonlySet<string>): number {
    return this.#attached.has(no) ? this.#waiting.countFor(handlers) : 0;
  }

  #grantsFor(no: MemberNo): Outstanding[] {
    let grants = this.#grants.get(no);
    if (!grants) this.#grants.set(no, grants = []);
    return grants;
  }

  #lease(to: MemberNo, id: string): void {
    const attachment = this.#attached.get(to)!;
    const session = { node: to, boot: attachment.boot, n: attachment.n };
    const grantNo = this.#dispatcher.charge(to);
    const fence = this.#reign.propose({ type: "lease", id, session, atMs: this.#core.clock.wallMs });
    this.#reign.whenChosen(fence, () => this.#grant({ to, attachment, grantNo, id, fence }));
  }

  #grant(lease: { to: MemberNo; attachment: Attachment; grantNo: number; id: string; fence: number }): void {
    const { to, attachment, grantNo, id, fence } = lease;
    const record = this.#reign.replica.tasks.records.get(id);
    // the member re-attached without it meanwhile, or it was condemned
    if (this.#attached.get(to) !== attachment || !this.isCurrent(record, fence)) return;
    const { spec, attempt, checkpoint, errors } = record!;
    const task: GrantedTask = {
      no: grantNo,
      id,
      fence,
      attempt,
      name: spec.name,
      payload: spec.payload,
      attemptsMax: spec.attemptsMax,
      errorAtMs: errors.filter((error) => error.kind === "error").map((error) => error.atMs),
      options: spec.options,
      checkpoint,
    };
    const outstanding = { to, attachment, task, sentMs: 0 };
    this.#outstanding.set(fence, outstanding);
    this.#lastGrant = fence;
    this.#grantsFor(to).push(outstanding);
    this.#publisher.touch(id);
  }

  // ---- what leaves at the end of the step ----------------------------------------------------------------

  flush(): void {
    this.#trays.flush();
    this.commands.flush();
    for (const [no, grants] of this.#grants) if (grants.length > 0) this.#sendGrants(no, grants.splice(0));
  }

  #sendGrants(no: MemberNo, grants: Outstanding[]): void {
    const { p, ballot } = this.#reign;
    const attachment = this.#attached.get(no);
    const { monoMs } = this.#core.clock;
    const tasks: GrantedTask[] = [];
    for (const grant of grants) {
      if (grant.attachment !== attachment) continue;
      grant.sentMs = monoMs;
      tasks.push(grant.task);
    }
    if (!attachment || tasks.length === 0) return;
    const lowest = this.#outstanding.keys().next();
    const floor = lowest.done ? this.#lastGrant + 1 : lowest.value;
    const { boot, n, attach } = attachment;
    this.#core.send(no, { type: "grant", p, ballot, boot, n, attach, floor, tasks });
  }
}
