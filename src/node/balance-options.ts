/** The options of a node that concern its balancer, checked. */
import type { Balancer } from "../consumer/balancers/balancer.ts";
import { fairBalancer } from "../consumer/balancers/fair.ts";
import { checkUnused } from "../consumer/balancers/balancing.ts";
import { integer, shown } from "../base/arguments.ts";

export interface BalanceOptions {
  /**
   * Which tasks it begins and which it gives back: `fairBalancer`, `dumbBalancer`, `resourceBalancer`,
   * `sleepBalancer`, `meteredBalancer` or your own. One balancer balances one node.
   * @default fairBalancer()
   */
  readonly balancer?: Balancer;
  /**
   * How often the balancer is asked when the cluster does not change, and up to 10 s more by chance.
   * @default the balancer's own, or 900_000
   */
  readonly balanceEveryMs?: number;
  /**
   * Between two tasks that are given back to level the cluster.
   * @default 100
   */
  readonly balancePaceMs?: number;
}

export interface BalanceSettings {
  readonly balancer: Balancer;
  /** Null = as the balancer wants it. */
  readonly balanceEveryMs: number | null;
  readonly balancePaceMs: number;
}

export const BALANCE_KEYS: readonly (keyof BalanceOptions)[] = [
  "balancer",
  "balanceEveryMs",
  "balancePaceMs",
];
const DAY_MS = 86_400_000;

/** @throws TypeError, RangeError */
export function balanceSettings(attempt: string, options: BalanceOptions): BalanceSettings {
  const { balanceEveryMs: everyMs, balancePaceMs: paceMs } = options;
  return {
    balancer: balancerOf(attempt, options.balancer),
    balanceEveryMs: everyMs === undefined
      ? null
      : integer(attempt, "balanceEveryMs", everyMs, { min: 10, max: DAY_MS, default: 10 }),
    balancePaceMs: integer(attempt, "balancePaceMs", paceMs, { min: 0, max: DAY_MS, default: 100 }),
  };
}

function balancerOf(attempt: string, value: unknown): Balancer {
  if (value === undefined) return fairBalancer();
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `Cannot ${attempt}: balancer must be a Balancer, as fairBalancer makes one, got ${shown(value)}`,
    );
  }
  const balancer = value as Balancer;
  for (const name of ["init", "canClaim", "balance"] as const) {
    const call: unknown = balancer[name];
    if (call === undefined || typeof call === "function") continue;
    throw new TypeError(`Cannot ${attempt}: balancer.${name} must be a function, got ${shown(call)}`);
  }
  checkUnused(attempt, balancer);
  return balancer;
}
