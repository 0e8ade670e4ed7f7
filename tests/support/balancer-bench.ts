/** A balancer in virtual time, beside tasks that end when they are asked to. */
import { encodeValue } from "../../src/task/values.ts";
import type { Balancer, BalancerErrorInfo } from "../../src/consumer/balancers/balancer.ts";
import { Balancing, type BalancingOptions } from "../../src/consumer/balancers/balancing.ts";
import { Attempt } from "../../src/consumer/attempt.ts";
import type { CoordinatorEvent, KnownOffer, NodeInfo } from "../../src/coordinator/coordinator.ts";
import type { GrantedTask } from "../../src/protocol/model/messages.ts";
import type { TaskOptions } from "../../src/protocol/model/types.ts";
import { Life } from "../../src/testing/life.ts";
import { VirtualTime } from "../../src/testing/virtual-time.ts";
import { Rng } from "../../src/testing/rng.ts";

export const START_MS: number = 1_800_000_000_000;

export function granted(id: string, options: TaskOptions | null = null): GrantedTask {
  const rest = {
    attemptsMax: 0,
    options,
    errorAgesMs: [],
    checkpoint: null,
    expiresAtMs: 0,
    isOnProbation: false,
  };
  return { no: 1, id, fence: 1, attempt: 2, name: "n", payload: encodeValue({ of: id }, "input"), ...rest };
}

export class BalancerBench {
  readonly time: VirtualTime = new VirtualTime(START_MS);
  readonly errors: BalancerErrorInfo[] = [];
  /** What was given back, and when. */
  readonly stops: [string, number][] = [];
  readonly attempts: Map<string, Attempt> = new Map();
  readonly stopped: AbortController = new AbortController();
  readonly balancing: Balancing;
  readonly offers: Map<string, KnownOffer> = new Map();
  members: Partial<NodeInfo>[] = [{ node: "me", self: true }];
  /** By so much the node's wall clock is ahead. */
  readonly wallError: { ms: number } = { ms: 0 };
  isFrozen = false;
  endsAtOnce = true;
  #listener: ((event: CoordinatorEvent) => void) | null = null;

  constructor(balancer: Balancer, more: Partial<BalancingOptions> = {}) {
    const life = new Life(0, this.time, new Rng(7, 1), this.wallError);
    this.balancing = new Balancing({
      balancer,
      everyMs: null,
      paceMs: 100,
      environment: life,
      isFrozen: () => this.isFrozen,
      onError: (info) => this.errors.push(info),
      coordinator: {
        members: () => this.members as NodeInfo[],
        offerOf: (node) => this.offers.get(node) ?? null,
        on: (listener) => (this.#listener = listener, () => this.#listener = null),
        stopped: this.stopped.signal,
      },
      consumer: {
        running: () => this.attempts.values(),
        attemptOf: (id) => this.attempts.get(id),
        stopTask: (id, reason = "release") => {
          this.attempts.get(id)?.abort(reason);
          this.stops.push([id, Math.round(this.time.nowMs)]);
          return !this.endsAtOnce || this.attempts.delete(id);
        },
      },
      ...more,
    });
  }

  run(...ids: readonly string[]): this {
    const control = {
      offer: () => {},
      settle: () => {},
      marginMs: 0,
      mayBegin: () => true,
      leaseMs: () => 0,
      validUntilMs: () => 9e15,
      onRenewed: () => () => {},
    };
    const handler = { definition: { name: "n" }, run: () => {}, isStateful: false };
    for (const id of ids) this.attempts.set(id, new Attempt(0, granted(id), handler, control));
    return this;
  }

  emit(type: "member" | "offer" | "quorum", up = true): void {
    const event = type === "quorum" ? { type, held: true } : { type, node: "x", name: "x", up };
    this.#listener?.(event as CoordinatorEvent);
  }

  get isListening(): boolean {
    return this.#listener !== null;
  }

  advance(ms: number): Promise<unknown> {
    return this.time.drive(this.time.nowMs + ms);
  }
}
