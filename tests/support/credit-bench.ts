/**
 * The credit that one node gives, at member 0, for tests of who has how much. The nodes that steward are the
 * test: they grant, answer recalls and say that they are hungry.
 */
import { expect } from "bun:test";
import { Credit } from "../../src/protocol/holder/credit.ts";
import type { CreditMessage } from "../../src/protocol/model/messages.ts";
import type { MemberNo } from "../../src/protocol/model/types.ts";
import { HEARTBEAT_MS, type RoleSetting, RoleStage } from "./roles.ts";

/** What a steward says of the tasks that wait there. */
interface Hunger {
  readonly backlog?: number;
  readonly priority?: number;
  readonly boot?: number;
}

export class CreditBench {
  readonly stage: RoleStage;
  readonly credit: Credit;
  /** What each steward was told last. */
  readonly toldByNo: Map<MemberNo, CreditMessage> = new Map();

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

  /** Ends the step; what was told to whom. */
  step(): readonly (CreditMessage & { readonly to: MemberNo })[] {
    if (this.credit.isDirty) this.credit.flush();
    expect(this.credit.isDirty).toBe(false);
    const told = this.stage.take().of("credit");
    for (const message of told) this.toldByNo.set(message.to, message);
    return told;
  }

  /** A heartbeat passes; stewards answer recalls if they are to. */
  beat(isAnswered = true): void {
    this.stage.pass(HEARTBEAT_MS);
    this.credit.tick(true);
    this.step();
    if (isAnswered) this.answerAll();
  }

  answer(no: MemberNo, issued = 0, seq: number = this.toldByNo.get(no)!.seq): void {
    this.credit.onReply(no, { type: "creditReply", seq, issued });
  }

  /** Every steward that was recalled has used nothing; and again, until nothing follows. */
  answerAll(): void {
    for (let i = 0; i < 10; i++) {
      for (const [no, { recall, upTo }] of this.toldByNo) if (recall) this.answer(no, upTo);
      this.step();
    }
  }

  grant(from: MemberNo, no: number, name = "h"): void {
    const task = { id: `${from}/${no}`, fence: no, attempt: 1, payload: new Uint8Array(0), attemptsMax: 0 };
    this.credit.received(from, { ...task, no, name, errorAtMs: [], options: null, checkpoint: null });
  }

  hungry(no: MemberNo, { backlog = 5, priority = 0, boot = 1 }: Hunger = {}): void {
    this.credit.onDemand(no, { type: "demand", boot, backlog, priority });
  }

  free(no: MemberNo): number {
    return this.toldByNo.get(no)!.free;
  }

  isRecalled(no: MemberNo): boolean {
    return this.toldByNo.get(no)!.recall;
  }
}
