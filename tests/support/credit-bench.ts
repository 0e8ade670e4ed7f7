/**
 * The credit that one node gives, at member 0, for tests of who has how much. The nodes that steward are the
 * test: they grant, answer recalls and say what waits there.
 */
import { expect } from "bun:test";
import { Credit } from "../../src/protocol/holder/credit.ts";
import type { CreditMessage } from "../../src/protocol/model/messages.ts";
import type { MemberNo } from "../../src/protocol/model/types.ts";
import { HEARTBEAT_MS, type RoleSetting, RoleStage } from "./roles.ts";

/** The tasks that wait at a steward. */
interface Waiting {
  readonly backlog?: number;
  readonly priority?: number;
  readonly boot?: number;
}

export class CreditBench {
  readonly stage: RoleStage;
  readonly credit: Credit;
  /** The last credit message to each steward. */
  readonly lastByNo: Map<MemberNo, CreditMessage> = new Map();

  constructor(setting: RoleSetting = {}) {
    this.stage = new RoleStage(setting);
    this.credit = new Credit(this.stage.context, this.stage.liveness);
  }

  /** A node with so many slots that knows these stewards. */
  static withSlots(slots: number, stewards: readonly MemberNo[], setting: RoleSetting = {}): CreditBench {
    const bench = new CreditBench(setting);
    bench.offer(slots);
    for (const no of stewards) bench.open(no);
    bench.step();
    return bench;
  }

  offer(slots: number, limits: Readonly<Record<string, number>> = {}): void {
    this.credit.offer({ type: "capacity", slots, handlers: ["h"], standing: "up", limits });
  }

  open(no: MemberNo, boot = 1): void {
    this.stage.liveness.heard(no, boot);
    this.credit.open(no);
  }

  /** Ends the step; what was sent to whom. */
  step(): readonly (CreditMessage & { readonly to: MemberNo })[] {
    if (this.credit.isDirty) this.credit.flush();
    expect(this.credit.isDirty).toBe(false);
    const sent = this.stage.take().of("credit");
    for (const message of sent) this.lastByNo.set(message.to, message);
    return sent;
  }

  /** A heartbeat passes; stewards answer recalls if they are to. */
  heartbeat(isAnswered = true): void {
    this.stage.pass(HEARTBEAT_MS);
    this.credit.tick(true);
    this.step();
    if (isAnswered) this.answerAll();
  }

  answer(no: MemberNo, issued = 0, seq: number = this.lastByNo.get(no)!.seq): void {
    this.credit.onReply(no, { type: "creditReply", seq, issued });
  }

  /** Every steward that was recalled has used nothing; and again, until nothing follows. */
  answerAll(): void {
    for (let i = 0; i < 10; i++) {
      for (const [no, { recall, upTo }] of this.lastByNo) if (recall) this.answer(no, upTo);
      this.step();
    }
  }

  grant(from: MemberNo, no: number, name = "h"): void {
    const task = { id: `${from}/${no}`, fence: no, attempt: 1, payload: new Uint8Array(0), attemptsMax: 0 };
    const plain = { errorAgesMs: [], options: null, checkpoint: null, expiresAtMs: 0, isOnProbation: false };
    this.credit.received(from, { ...task, no, name, ...plain });
  }

  demand(no: MemberNo, { backlog = 5, priority = 0, boot = 1 }: Waiting = {}): void {
    this.credit.onDemand(no, { type: "demand", boot, backlog, priority });
  }

  free(no: MemberNo): number {
    return this.lastByNo.get(no)!.free;
  }

  isRecalled(no: MemberNo): boolean {
    return this.lastByNo.get(no)!.recall;
  }
}
