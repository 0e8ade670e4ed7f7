/**
 * A steward node's view of who can run what: one credit account per member, for all partitions that this node
 * reigns over. Credit is soft (it protects capacity, never safety) and absolute: "after grant number `upTo` I
 * take `free` more", so a lost message is mended by the next one.
 */
import type { Calls } from "./calls.ts";
import type { Core } from "./core.ts";
import type { Desk } from "./desk.ts";
import type { CreditMessage } from "./messages.ts";
import { ringPosition } from "./ring.ts";
import type { Sessions } from "./sessions.ts";
import type { MemberNo } from "./types.ts";

interface Account {
  boot: number;
  seq: number;
  free: number;
  upTo: number;
  issued: number;
  load: number;
  draining: boolean;
  handlers: ReadonlySet<string>;
  toldBacklog: number;
  toldMs: number;
  answeredMs: number;
}

export class Dispatcher {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #accounts: Map<MemberNo, Account> = new Map();
  /** Desks with tasks that wait for somebody. */
  readonly waiting: Set<Desk> = new Set();
  isDirty = false;
  /** Set by the engine, once. */
  calls: Calls | null = null;

  constructor(core: Core, sessions: Sessions) {
    this.#core = core;
    this.#sessions = sessions;
  }

  /** In no cluster any more. */
  reset(): void {
    this.#accounts.clear();
    this.waiting.clear();
  }

  onCredit(from: MemberNo, message: CreditMessage): void {
    if (message.stewardBoot !== this.#core.options.boot) return;
    let account = this.#accounts.get(from);
    if (!account || account.boot < message.boot) {
      account = {
        boot: message.boot,
        seq: 0,
        free: 0,
        upTo: 0,
        issued: 0,
        load: 0,
        draining: false,
        handlers: new Set(),
        toldBacklog: 0,
        toldMs: 0,
        answeredMs: 0,
      };
      this.#accounts.set(from, account);
    }
    if (message.boot < account.boot || message.seq <= account.seq) return;
    account.seq = message.seq;
    account.free = message.free;
    account.upTo = message.upTo;
    account.load = message.load;
    account.draining = message.draining;
    if (!isSameSet(account.handlers, message.handlers)) account.handlers = new Set(message.handlers);
    this.#answer(from, account, message);
    this.isDirty = true;
  }

  /** Recalls at once; else now and then, so that grants that never arrived do not count for ever. */
  #answer(to: MemberNo, account: Account, message: CreditMessage): void {
    const { monoMs } = this.#core.clock;
    const isDue = account.issued > message.upTo &&
      monoMs - account.answeredMs > this.#core.options.heartbeatMs;
    if (!message.recall && !isDue) return;
    account.answeredMs = monoMs;
    this.#core.send(to, { type: "creditReply", seq: message.seq, issued: account.issued });
  }

  /** The member's connection closed: it gets nothing until it speaks again. */
  forget(no: MemberNo): void {
    const account = this.#accounts.get(no);
    if (account) account.free = account.issued - account.upTo;
  }

  /** Hands out what waits, as far as credit goes. */
  run(): void {
    this.isDirty = false;
    for (const desk of [...this.waiting]) {
      if (!this.#hasCredit()) break;
      this.waiting.delete(desk);
      if (desk.dispatch()) this.waiting.add(desk);
    }
    this.#tellHungry();
    this.calls?.run(this.waiting);
  }

  #hasCredit(): boolean {
    for (const account of this.#accounts.values()) if (this.#available(account) > 0) return true;
    return false;
  }

  #available(account: Account): number {
    return account.free - (account.issued - account.upTo);
  }

  #loadOf(account: Account): number {
    return account.load + account.issued - account.upTo;
  }

  /**
   * The member that shall run the task: clockwise from the task's hash the first that is eligible and not
   * loaded
   * above 1.25 x the average (consistent hashing with bounded loads); who just gave the task up comes last.
   */
  pick(desk: Desk, id: string, name: string, avoid: MemberNo): MemberNo {
    let count = 0;
    let load = 1;
    for (const [no, account] of this.#accounts) {
      if (!this.#isEligible(desk, no, name)) continue;
      count++;
      load += this.#loadOf(account);
    }
    if (count === 0) return -1;
    const bound = Math.ceil(1.25 * load / count);
    let chosen = -1;
    let fallback = -1;
    this.#core.ring.walk(ringPosition(id), (no) => {
      if (!this.#isEligible(desk, no, name)) return false;
      if (no === avoid) {
        if (fallback < 0) fallback = no;
        return false;
      }
      if (this.#loadOf(this.#accounts.get(no)!) >= bound) {
        fallback = no;
        return false;
      }
      chosen = no;
      return true;
    });
    return chosen >= 0 ? chosen : fallback;
  }

  #isEligible(desk: Desk, no: MemberNo, name: string): boolean {
    const account = this.#accounts.get(no);
    if (!account || account.draining || this.#available(account) <= 0) return false;
    if (!account.handlers.has(name) || !desk.isAttached(no, account.boot)) return false;
    if (no === this.#core.self) return true;
    const { monoMs } = this.#core.clock;
    return monoMs - this.#sessions.lastBeatMs(no) < 2.5 * this.#core.options.heartbeatMs;
  }

  /** Counts a grant and returns its number. */
  charge(no: MemberNo): number {
    return ++this.#accounts.get(no)!.issued;
  }

  #tellHungry(): void {
    const { monoMs } = this.#core.clock;
    for (const [no, account] of this.#accounts) {
      const isStarved = this.waiting.size > 0 && !account.draining && this.#available(account) <= 0;
      if (!isStarved && account.toldBacklog === 0) continue;
      let backlog = 0;
      if (isStarved) {
        for (const desk of this.waiting) backlog += desk.backlogFor(no, account.handlers);
      }
      const isNews = (backlog === 0) !== (account.toldBacklog === 0);
      if (!isNews && (backlog === 0 || monoMs - account.toldMs < this.#core.options.heartbeatMs)) continue;
      account.toldBacklog = backlog;
      account.toldMs = monoMs;
      this.#core.send(no, { type: "hungry", boot: this.#core.options.boot, backlog });
    }
  }

  /** In words, for people. */
  why(desk: Desk, name: string): string {
    let withHandler = 0;
    let attached = 0;
    for (const [no, account] of this.#accounts) {
      if (!account.handlers.has(name) || account.draining || !this.#core.isConnected(no)) continue;
      withHandler++;
      if (desk.isAttached(no, account.boot)) attached++;
    }
    if (withHandler === 0) return `no connected node has a handler named "${name}"`;
    if (attached === 0) {
      return "the nodes that could run it have not attached to this partition's steward yet";
    }
    return `waits for capacity: all ${attached} nodes with a handler named "${name}" are full`;
  }
}

function isSameSet(set: ReadonlySet<string>, list: readonly string[]): boolean {
  return set.size === list.length && list.every((item) => set.has(item));
}
