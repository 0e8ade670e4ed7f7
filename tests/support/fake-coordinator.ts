/**
 * A coordinator that does nothing by itself: tests grant leases by hand and see what the consumer reports.
 */
import { type Environment, systemEnvironment } from "../../src/base/environment.ts";
import type { AttemptEventType, AttemptInfo } from "../../src/consumer/attempt-events.ts";
import { Consumer } from "../../src/consumer/consumer.ts";
import type { Handler, HandlerFunction } from "../../src/consumer/handler.ts";
import type { LoopBlockedInfo } from "../../src/consumer/loop-watch.ts";
import type { ConsumerControl, SettledLease } from "../../src/coordinator/coordinator.ts";
import type { GrantedTask, Standing } from "../../src/protocol/model/messages.ts";
import type { Settlement } from "../../src/protocol/model/types.ts";
import { defineTask, type TaskDefinition } from "../../src/task/definition.ts";
import { decodeValue, encodeValue } from "../../src/task/values.ts";

export interface Settled extends SettledLease {
  readonly settlement: Settlement;
}

export interface BenchOptions {
  readonly admit?: (task: GrantedTask) => number | null;
  readonly environment?: Environment;
  /** @default 0 */
  readonly marginMs?: number;
  /** Called when the loop stood still for 400 ms, once the consumer watches it. */
  readonly onBlocked?: (info: LoopBlockedInfo) => void;
}

export class Bench {
  readonly settled: Settled[] = [];
  readonly events: (readonly [AttemptEventType, AttemptInfo])[] = [];
  readonly offers: (readonly [number, readonly string[], Standing])[] = [];
  limits: Readonly<Record<string, number>> = {};
  readonly consumer: Consumer;
  /** The lease clock is the environment's monotonic one. */
  validUntilMs = 9e15;
  mayBegin = true;
  renew: (() => void) | null = null;
  #onSettle: (() => void) | null = null;

  constructor(capacity = 10, { admit, environment, marginMs = 0, onBlocked = () => {} }: BenchOptions = {}) {
    const control: ConsumerControl = {
      offer: (slots, handlers, standing, limits = {}) => {
        this.offers.push([slots, handlers, standing]);
        this.limits = limits;
      },
      settle: (lease, settlement) => {
        this.settled.push({ ...lease, settlement });
        this.#onSettle?.();
      },
      marginMs,
      leaseMs: () => (environment ?? systemEnvironment).monoMs(),
      validUntilMs: () => this.validUntilMs,
      mayBegin: () => this.mayBegin,
      onRenewed: (_p, callback) => {
        this.renew = callback;
        return () => this.renew = null;
      },
    };
    this.consumer = new Consumer({
      control,
      capacity,
      ...(environment ? { environment } : {}),
      wants: () => true,
      emit: (type, info) => this.events.push([type, info]),
      ...(admit ? { admit } : {}),
      blockedMinMs: 400,
      onBlocked,
    });
  }

  handle(
    run: HandlerFunction<unknown, unknown>,
    definition: TaskDefinition = defineTask({ name: "n" }),
    more: Partial<Handler> = {},
  ): void {
    this.consumer.add({ definition, run, ...more });
  }

  start(fence: number, more: Partial<GrantedTask> & { p?: number; input?: unknown } = {}): void {
    const { p = 1, input, ...rest } = more;
    this.consumer.start(p, {
      no: fence,
      id: "t",
      fence,
      attempt: 1,
      name: "n",
      payload: encodeValue(input, "input"),
      attemptsMax: 0,
      options: null,
      errorAgesMs: [],
      checkpoint: null,
      expiresAtMs: 0,
      isOnProbation: false,
      ...rest,
    });
  }

  /** The settlement number `count`, when it has come. */
  async settlement(count = 1): Promise<Settled> {
    while (this.settled.length < count) await new Promise<void>((resolve) => this.#onSettle = resolve);
    return this.settled[count - 1] as Settled;
  }

  /** A quorum recorded, or refused, what was reported last. */
  record(accepted = true): void {
    const last = this.settled.at(-1);
    if (last) this.consumer.settled(last.p, last.fence, last.seq, accepted);
  }

  get eventTypes(): AttemptEventType[] {
    return this.events.map(([type]) => type);
  }
}

export function resultOf(settled: Settled): unknown {
  const { settlement } = settled;
  if (settlement.type !== "complete" || settlement.result === null) return undefined;
  return decodeValue(settlement.result, "result");
}
